"""One HTTP exchange over requests, with deadlines and bounds. Read it from the top down, imports point down:

session                     a session and its connections; the only importer of requests
reply · failures            what the caller holds of an answer · what an exception means
pools                       reuse of connections, TLS contexts, forks
connections · chunked       sockets that obey their deadlines · the framing of a streamed body
head                        the status line and fields of an answer
deadlines                   the limits of one exchange, and what became known of it
interrupts                  how long one wait for a lock may last
redis_link                  a connection to Redis
"""
