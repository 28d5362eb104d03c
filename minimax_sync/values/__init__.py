"""The values that users hold: immutable, picklable, the same on both wires. No I/O but reading an image file."""
