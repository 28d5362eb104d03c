"""The values that users hold."""
