"""What the service refuses of a chat request, on either wire, with HTTP 400 and code 2013.

One entry per wire, `check_openai` and `check_anthropic`; each raises `Refusal` or returns. The rules that the wires
share (numbers, images, the pairing of calls with results) follow below. Must not change a request or answer it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from .envelopes import invalid_params
from .journal import MEDIA_BLOCKS, count_images
from .models import Model

OPENAI_FIELDS = {
    *("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p"),
    *("n", "stop", "presence_penalty", "frequency_penalty", "logit_bias", "function_call", "tools", "tool_choice"),
    *("response_format", "reasoning_split", "reasoning_effort", "thinking", "mask_sensitive_info", "service_tier"),
}
OPENAI_ROLES = ("system", "user", "assistant", "tool")
ANTHROPIC_ROLES = ("user", "assistant")
ANTHROPIC_CHOICES = ("auto", "any", "none", "tool")
COUNTS = ("max_tokens", "max_completion_tokens")
Blocks = Mapping[str, Callable[[dict[str, Any]], None]]


def model_name(body: Any) -> str:
    """Return the name of the model that the body asks for."""
    if not isinstance(body, dict):
        invalid_params("the body is not a JSON object")
    name = body.get("model")
    if not isinstance(name, str) or not name:
        invalid_params("model is empty")
    return name


def check_openai(body: dict[str, Any], model: Model) -> str:
    """Check a request of the OpenAI wire. Return the warning about a field that the service does not know, or ""."""
    messages = _check_request(body, model)
    if body.get("n") not in (None, 1):
        invalid_params("n must be 1")
    names = _check_tools(body, "function", lambda tool: tool.get("function"), "parameters")
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        if choice.get("type") != "function" or _dict(choice.get("function")).get("name") not in names:
            invalid_params("tool_choice names no tool")
    elif choice not in (None, "auto", "none", "required") or (choice == "required" and not names):
        invalid_params(f"tool_choice {choice!r} is not possible")
    calls = _Calls()
    for position, message in enumerate(messages):
        role = message.get("role")
        if role not in OPENAI_ROLES:
            invalid_params(f"invalid role: {role}")
        if role == "system" and position:
            invalid_params("invalid chat setting")
        if "reasoning_content" in message:
            invalid_params("unexpected field reasoning_content")
        if role == "tool":
            calls.result(message.get("tool_call_id"))
            if message.get("content") is None:
                invalid_params("tool result without content")
            _check_content(message["content"], OPENAI_BLOCKS, may_be_empty=True)
            continue
        calls.settle()
        asked = message.get("tool_calls") or []
        if asked and (role != "assistant" or not isinstance(asked, list)):
            invalid_params(f"unexpected tool_calls in a message of role {role}")
        _check_content(message.get("content"), OPENAI_BLOCKS, may_be_empty=bool(asked))
        for call in asked:
            _check_openai_call(call)
            calls.call(call.get("id"))
    calls.settle()
    unknown = next((name for name in body if name not in OPENAI_FIELDS), None)
    return f'Invalid parameters detected, json: unknown field "{unknown}"' if unknown else ""


def check_anthropic(body: dict[str, Any], model: Model) -> None:
    """Check a request of the Anthropic wire. The service ignores unknown fields there."""
    messages = _check_request(body, model)
    if body.get("output_config") is not None and not model.efforts:
        invalid_params(f"output_config is not supported by {model.name}")
    if body.get("system") not in (None, ""):
        _check_content(body["system"], {"text": _check_text})
    names = _check_tools(body, "custom", lambda tool: tool, "input_schema")
    choice = body.get("tool_choice")
    if choice is not None:
        kind = _dict(choice).get("type")
        wanted = kind in ("any", "tool")
        if (
            kind not in ANTHROPIC_CHOICES
            or (wanted and not names)
            or (kind == "tool" and choice.get("name") not in names)
        ):
            invalid_params("tool_choice is not possible")
    calls = _Calls()
    for message in messages:
        role = message.get("role")
        if role not in ANTHROPIC_ROLES:
            invalid_params(f"invalid message role: {role}")
        content = message.get("content")
        _check_content(content, ANTHROPIC_BLOCKS[role])
        blocks = content if isinstance(content, list) else []
        leading = True
        for block in blocks:
            if block["type"] == "tool_result":
                calls.result(block.get("tool_use_id"), directly=leading)
            elif leading:
                calls.settle()
                leading = False
            if block["type"] == "tool_use":
                calls.call(block.get("id"))
        if role == "user" or not blocks:
            calls.settle()
    calls.settle()


class _Calls:
    """Pairs tool calls with their results, which must be complete and follow directly."""

    def __init__(self) -> None:
        self._open: list[Any] = []
        self._follows = False

    def call(self, call_id: Any) -> None:
        if not isinstance(call_id, str) or not call_id:
            invalid_params("tool call id is empty")
        self._open.append(call_id)
        self._follows = True

    def result(self, call_id: Any, *, directly: bool = True) -> None:
        if not self._follows or not directly:
            invalid_params("tool call result does not follow tool call")
        if call_id not in self._open:
            invalid_params(f"tool result's tool id({call_id}) not found")
        self._open.remove(call_id)

    def settle(self) -> None:
        if self._open:
            invalid_params(f"tool call without its result, tool_call_id: {self._open[0]}")
        self._follows = False


def _check_request(body: dict[str, Any], model: Model) -> list[dict[str, Any]]:
    """Check what both wires have in common. Return the messages."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        invalid_params("messages is empty")
    if not model.media and count_images(messages, MEDIA_BLOCKS):
        invalid_params(f"{model.name} supports text input only")
    model.check_temperature(body.get("temperature"))
    top_p = body.get("top_p")
    if top_p is not None and not (isinstance(top_p, (int, float)) and 0 < top_p <= 1):
        invalid_params("top_p must be in (0, 1]")
    for name in COUNTS:
        value = body.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            invalid_params(f"{name} must be 1 or more")
    if body.get("stream") not in (None, True, False):
        invalid_params("stream must be a boolean")
    return messages


def _check_tools(body: dict[str, Any], kind: str, inner: Callable[[dict[str, Any]], Any], schema: str) -> list[str]:
    """Check the offered tools; `inner` finds the definition in each. Return their names."""
    tools = body.get("tools") or []
    if not isinstance(tools, list):
        invalid_params("tools must be an array")
    names = []
    for tool in tools:
        given = _dict(tool).get("type", "custom" if kind == "custom" else "")
        if given != kind:
            invalid_params(f"invalid tool type: {given}")
        function = _dict(inner(tool))
        if not isinstance(function.get("name"), str) or not function["name"]:
            invalid_params("function name is empty")
        if not isinstance(function.get(schema), dict) or not function[schema]:
            invalid_params("function parameters is empty")
        names.append(function["name"])
    return names


def _check_openai_call(call: Any) -> None:
    function = _dict(_dict(call).get("function"))
    if _dict(call).get("type") != "function" or not isinstance(function.get("name"), str) or not function["name"]:
        invalid_params("tool call without a function")
    if not _is_json(function.get("arguments")):
        invalid_params(f"invalid function arguments json string, tool_call_id: {call.get('id')}")


def _check_content(content: Any, blocks: Blocks, *, may_be_empty: bool = False) -> None:
    """Check a message's content: non-empty text, or non-empty blocks of the kinds in `blocks`."""
    if not content:
        if not may_be_empty:
            invalid_params("message content is empty")
    elif isinstance(content, list):
        for block in content:
            kind = _dict(block).get("type")
            if not isinstance(kind, str) or kind not in blocks:
                invalid_params(f"unsupported content type: {kind}")
            blocks[kind](block)
    elif not isinstance(content, str):
        invalid_params("message content must be text or content blocks")


def _check_text(block: dict[str, Any]) -> None:
    if not isinstance(block.get("text"), str) or not block["text"]:
        invalid_params("content block is empty")


def _check_url(kind: str) -> Callable[[dict[str, Any]], None]:
    """Return the check of the OpenAI wire's block for an image or a video."""

    def check(block: dict[str, Any]) -> None:
        url = _dict(block.get(f"{kind}_url")).get("url")
        if not isinstance(url, str):
            invalid_params(f"{kind}_url is empty")
        if url.startswith(f"data:{kind}/"):
            _check_base64(url.partition(";base64,")[2])
        elif not url.startswith(("http://", "https://", "mm_file://")):
            invalid_params(f"{kind}_url must be a data:, http(s) or mm_file URL")

    return check


def _check_source(kind: str) -> Callable[[dict[str, Any]], None]:
    """Return the check of the Anthropic wire's block for an image or a video."""

    def check(block: dict[str, Any]) -> None:
        source = _dict(block.get("source"))
        prefixes = ("http://", "https://", "mm_file://", f"data:{kind}/")
        if source.get("type") == "base64" and str(source.get("media_type")).startswith(f"{kind}/"):
            _check_base64(source.get("data"))
        elif source.get("type") != "url" or not str(source.get("url")).startswith(prefixes):
            invalid_params(f"{kind} source must be base64 or a URL")

    return check


def _check_base64(data: Any) -> None:
    try:
        if not isinstance(data, str) or not base64.b64decode(data, validate=True):
            invalid_params("the data of an image or video is empty")
    except ValueError:
        invalid_params("the data of an image or video is not base64")


def _check_tool_use(block: dict[str, Any]) -> None:
    if not isinstance(block.get("name"), str) or not block["name"] or not isinstance(block.get("input"), dict):
        invalid_params(f"invalid function arguments json string, tool_call_id: {block.get('id')}")


def _check_tool_result(block: dict[str, Any]) -> None:
    if block.get("content"):
        _check_content(block["content"], {"text": _check_text, "image": _check_source("image")})


def _check_thinking(block: dict[str, Any]) -> None:
    if not isinstance(block.get("thinking"), str):
        invalid_params("thinking block is empty")


def _is_json(text: Any) -> bool:
    try:
        json.loads(text if isinstance(text, str) else "")
    except (ValueError, RecursionError):
        return False
    return True


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


OPENAI_BLOCKS: Blocks = {
    "text": _check_text,
    "image_url": _check_url("image"),
    "video_url": _check_url("video"),
}
ANTHROPIC_BLOCKS: Mapping[str, Blocks] = {
    "user": {
        "text": _check_text,
        "image": _check_source("image"),
        "video": _check_source("video"),
        "tool_result": _check_tool_result,
    },
    "assistant": {"text": _check_text, "thinking": _check_thinking, "tool_use": _check_tool_use},
}
