"""Stop sequences, found in text that arrives in pieces. Pure: it must not know wires, messages or I/O."""

from __future__ import annotations


class StopCutter:
    """Find the first of some stop sequences, although they may be spread over many deltas.

    The first is the one that ends first, as for a server that checks after every token, so that the division of the
    text into deltas does not matter.
    """

    def __init__(self, stops: tuple[str, ...]) -> None:
        self.hit = False
        self.held = ""
        self._stops = stops
        self._longest = max(map(len, stops))

    def feed(self, piece: str) -> str:
        """Return the text that may be shown: all except a tail that could be the beginning of a stop sequence."""
        text = self.held + piece
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.hit, self.held = True, ""
            return text[: min(found)[1]]
        tails = (text[-size:] for size in range(min(self._longest - 1, len(text)), 0, -1))
        self.held = next((tail for tail in tails if any(stop.startswith(tail) for stop in self._stops)), "")
        return text[: len(text) - len(self.held)]

    def flush(self) -> str:
        """Return the held text, at the end of the answer."""
        held, self.held = self.held, ""
        return held
