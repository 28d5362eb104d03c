"""The blocking, thread-safe Python client for MiniMax M2.5."""

__version__ = "0.1.0"
