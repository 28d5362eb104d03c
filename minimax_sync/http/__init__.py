"""One HTTP exchange over requests, with deadlines and bounds. Read it from the top down, imports point down:

exchange                    a session and its connections; the only importer of requests
reply · faults              what the caller holds of an answer · what an exception means
pools                       reuse of connections, TLS contexts, forks
connections · chunked       sockets that obey a trace · the framing of a streamed body
head                        the status line and fields of an answer
trace                       the limits of one exchange, and what became known of it
"""

from .exchange import Http
from .reply import Reply

__all__ = ["Http", "Reply"]
