"""Write what Sphinx reads: the pages of the guide, a table of contents in the order of the index, and a page of the
reference for each group of public names.
"""

from __future__ import annotations

import inspect
import re
import shutil
import sys
from pathlib import Path

import minimax_sync

GUIDE = Path(minimax_sync.__file__).parent / "guide"

EXAMPLES = (
    "In the examples the public names are imported, ``emulator`` is an `emulator <testing.rst>`_ on this machine, and "
    "``client`` a ``MiniMaxClient`` that talks to it."
)

REFERENCE = {
    "The client": "MiniMaxClient Conversation ChatStream RetryPolicy",
    "Requests": "ChatRequest ChatMessage Image ToolDef tool",
    "Answers": "ChatResponse ToolCall TokenUsage MapResult Parsed Embeddings Quota QuotaWindow Balance",
    "Models": "ModelCard model_card Model",
    "Chunks of a stream": "StreamChunk TextDelta ReasoningDelta ToolCallStart ToolCallDelta ToolCallEnd UsageUpdate "
    "StreamEnd",
    "Tool runs": "ToolRun ToolResult",
    "Credentials": "StaticKey TokenPlan login logout Login",
    "Limiters": "TokenBucket RedisTokenBucket",
    "Errors": "LlmError ConfigError BundleError RequestError ContextLengthError ContentFilteredError "
    "InsufficientBalanceError CredentialInvalidError RateLimitError QuotaExceededError ServerError TransportError "
    "CallTimeoutError AmbiguousResultError ResponseFormatError StreamInterruptedError ToolArgumentsError",
    "Hooks and events": "CallStarted RateLimited AttemptFailed FirstToken CallEnded TokenRefreshed QuotaLow ToolFailed "
    "logging_hook prometheus_hook otel_hook",
    "Tests": "Emulator Received testing",
}


def main(folder: Path) -> None:
    """Write all sources to `folder`."""
    listed = {name for names in REFERENCE.values() for name in names.split()}
    groups = dict(REFERENCE)
    if unlisted := set(minimax_sync.__all__) - listed:
        groups["Other names"] = " ".join(sorted(unlisted))
    shutil.copytree(GUIDE, folder)
    names = []
    for title, members in groups.items():
        name = "reference_" + title.lower().replace(" ", "_")
        (folder / f"{name}.rst").write_text(reference(title, members.split()), encoding="utf-8")
        names.append(name)
    index = (GUIDE / "index.rst").read_text(encoding="utf-8")
    pages = re.findall(r"<(\w+)\.rst>", index)
    (folder / "index.rst").write_text(index + contents("Guide", pages) + contents("Reference", names), encoding="utf-8")


def reference(title: str, names: list[str]) -> str:
    """Return a page with a section for each name."""
    lines = [title, "=" * len(title), "", EXAMPLES, ""]
    for name in names:
        kind = "class" if inspect.isclass(getattr(minimax_sync, name)) else "function"
        lines += [f".. auto{kind}:: minimax_sync.{name}", *(["   :members:"] if kind == "class" else []), ""]
    return "\n".join(lines)


def contents(caption: str, pages: list[str]) -> str:
    """Return a table of contents for the side of every page."""
    lines = ["", ".. toctree::", "   :hidden:", f"   :caption: {caption}", "", *(f"   {page}" for page in pages), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
