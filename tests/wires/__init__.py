"""The two wires: bodies, streams, errors."""
