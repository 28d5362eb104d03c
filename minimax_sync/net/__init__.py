"""One HTTP exchange, with deadlines and bounds. Read it from the top down; imports point down:

session                     `Http`: one exchange, by either of the two ways to send
stock · proxies             through a requests session (the only importer of requests) · which proxy leads to an origin
reply · failures            what the caller holds of an answer · what an exception means
pools                       reuse of connections
stand_ins                   whether a mock, a recorder or an instrumentation must see the request
connections · chunked       sockets that obey their deadlines · the framing of a streamed body
trust                       TLS contexts and their certificate authorities
deadlines                   the limits of one exchange, and its state
interrupts                  how long one wait for a lock may last
redis_link                  a connection to Redis
forks                       what a forked child renews, in order
"""
