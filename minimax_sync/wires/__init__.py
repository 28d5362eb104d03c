"""The two wires: a ChatRequest to a body, events and bodies to chunks and a ChatResponse. No I/O, threads or clock.

All special cases for MiniMax's answers are here.
"""
