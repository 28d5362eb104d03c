"""Python functions and types: tools that the model calls, answers as typed values."""
