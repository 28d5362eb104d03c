"""One call: what a client and its siblings share, the attempts of a call, its stream."""
