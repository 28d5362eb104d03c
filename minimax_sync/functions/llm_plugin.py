"""A plugin for the command line tool and library `llm`: MiniMax's chat models under `minimax/NAME`.

`llm` imports this module by its entry point; nothing else may. Contains the conversion between llm's prompts and events
and this library's requests and chunks. Uses the public client only, and opens it when the first prompt is sent.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import llm
import msgspec
from llm.parts import AttachmentPart, Message, Part, StreamEvent, TextPart, ToolCallPart, ToolResultPart
from pydantic import Field

import minimax_sync

from ..errors import RequestError
from ..tracebacks import sealed
from ..values.chunks import ReasoningDelta, StreamChunk, TextDelta, ToolCallDelta, ToolCallStart
from ..values.images import Image
from ..values.messages import ChatMessage, Reasoning, Text, ToolCall
from ..values.models import MODELS, ModelCard
from ..values.request import ChatRequest
from ..values.response import CUT_REASONS, ChatResponse
from ..values.tooldef import ToolDef
from .parse import parse

_KEY_NAME = "minimax"
_OURS = "minimax"
"""This library's key in `provider_metadata`."""

_IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


@llm.hookimpl
def register_models(register: Callable[..., None]) -> None:
    """Register a model for each row of the table of models; its name alone is an alias."""
    for card in MODELS:
        register(MiniMaxModel(card), aliases=(card.name,))


class MiniMaxModel(llm.KeyModel):
    """A model of MiniMax.

    A key from `--key` or `llm keys set minimax` is used if there is one, else what `MiniMaxClient()` finds: a login, a
    key of the environment or of a file.
    """

    needs_key = _KEY_NAME
    can_stream = True
    supports_schema = True
    supports_tools = True

    class Options(llm.Options):
        """The options of a prompt, given as `-o NAME VALUE`."""

        temperature: float | None = Field(description="Randomness of the answer, from 0 to 2", default=None)
        max_tokens: int | None = Field(
            description="Maximum number of tokens in the answer, thinking included", default=None
        )
        effort: str | None = Field(description="How deeply the model thinks: low, medium, high ...", default=None)
        thinking: bool | None = Field(description="Whether the model thinks, for models with that choice", default=None)

    def __init__(self, card: ModelCard) -> None:
        self.model_id = f"minimax/{card.name}"
        self.model_name = card.name
        self.attachment_types = _IMAGE_TYPES if "image" in card.inputs else frozenset()

    def get_key(self, explicit_key: str | None = None) -> str | None:
        """Return the key that llm knows; None leaves the search to the client."""
        return self.key or llm.get_key(input=explicit_key, alias=self.needs_key)

    def execute(
        self,
        prompt: llm.Prompt,
        stream: bool,
        response: llm.Response,
        conversation: llm.Conversation | None,
        key: str | None,
    ) -> Iterator[str | StreamEvent]:
        """Send the prompt and yield the answer's events. An answer with a schema is not streamed, and validated."""
        try:
            client = _open_client(key)
        finally:
            del key  # so that no traceback shows it
        request = _request(prompt, self.model_name)
        if prompt.schema and not request.tools:
            parsed = parse(client.chat, request, prompt.schema, max_repairs=2, options={})
            answer = msgspec.structs.replace(parsed.response, usage=parsed.usage)
            yield StreamEvent(type="text", chunk=msgspec.json.encode(parsed.value).decode())
        elif stream:
            with client.stream(request) as chunks:
                yield from _events_of_chunks(chunks)
                answer = chunks.partial
        else:
            answer = client.chat(request)
            yield from _events_of_message(answer.message)
        yield _kept(answer.message)
        _finish(response, answer)


@functools.lru_cache(maxsize=8)
@sealed
def _open_client(key: str | None) -> minimax_sync.MiniMaxClient:
    return minimax_sync.MiniMaxClient(key) if key else minimax_sync.MiniMaxClient()


# from llm to the service


def _request(prompt: llm.Prompt, model: str) -> ChatRequest:
    options = {name: value for name, value in prompt.options.model_dump().items() if value is not None}
    if prompt.schema and prompt.tools:
        options["response_format"] = prompt.schema
    messages = [message for each in prompt.messages for message in _messages(each)]
    return ChatRequest(tuple(messages), model=model, tools=tuple(map(_tool, prompt.tools)), **options)


def _tool(tool: Any) -> ToolDef:
    return ToolDef(tool.name, tool.description or "", tool.input_schema)


def _messages(message: Message) -> Iterator[ChatMessage]:
    """Yield llm's message in this library's form; each tool result is a message, followed by its images."""
    parts = message.parts
    text = "".join(part.text for part in parts if isinstance(part, TextPart))
    if message.role == "system":
        yield ChatMessage.system(text)
    elif message.role == "assistant":
        yield _answer(parts, text)
    elif message.role == "tool":
        results = [part for part in parts if isinstance(part, ToolResultPart)]
        for result in results:
            is_error = result.exception is not None
            yield ChatMessage.tool_result(result.tool_call_id or "", result.output, result.name, is_error=is_error)
        images = [_image(attachment) for result in results for attachment in result.attachments]
        if images:
            yield ChatMessage.user("", images)
    else:
        attached = [part.attachment for part in parts if isinstance(part, AttachmentPart) and part.attachment]
        yield ChatMessage.user(text, map(_image, attached))


def _answer(parts: Iterable[Part], text: str) -> ChatMessage:
    """Return an answer as received, with thinking and signatures, unless its text or calls have been changed.

    The thinking of another provider's model is left out.
    """
    calls = tuple(
        ToolCall(part.tool_call_id or "", part.name, part.arguments) for part in parts if isinstance(part, ToolCallPart)
    )
    for part in parts:
        kept = (getattr(part, "provider_metadata", None) or {}).get(_OURS)
        if kept is None:
            continue
        try:
            message = ChatMessage.from_dict(kept)
        except RequestError:  # written by another version
            continue
        if message.text == text and [call.id for call in message.tool_calls] == [call.id for call in calls]:
            return message
    return ChatMessage.assistant(text, calls)


def _image(attachment: Any) -> Image:
    return Image.from_url(attachment.url) if attachment.url else Image.from_bytes(attachment.content_bytes())


# from the service to llm


def _events_of_chunks(chunks: Iterable[StreamChunk]) -> Iterator[StreamEvent]:
    ids: dict[int, str] = {}
    for chunk in chunks:
        if isinstance(chunk, TextDelta):
            yield StreamEvent(type="text", chunk=chunk.text)
        elif isinstance(chunk, ReasoningDelta):
            yield StreamEvent(type="reasoning", chunk=chunk.text)
        elif isinstance(chunk, ToolCallStart):
            ids[chunk.index] = chunk.id
            yield StreamEvent(type="tool_call_name", chunk=chunk.name, tool_call_id=chunk.id)
        elif isinstance(chunk, ToolCallDelta):
            yield StreamEvent(type="tool_call_args", chunk=chunk.arguments, tool_call_id=ids[chunk.index])


def _events_of_message(message: ChatMessage) -> Iterator[StreamEvent]:
    for part in message.parts:
        if isinstance(part, Text):
            yield StreamEvent(type="text", chunk=part.text)
        elif isinstance(part, Reasoning):
            yield StreamEvent(type="reasoning", chunk=part.text)
        elif isinstance(part, ToolCall):
            yield StreamEvent(type="tool_call_name", chunk=part.name, tool_call_id=part.id)
            yield StreamEvent(type="tool_call_args", chunk=part.arguments_json, tool_call_id=part.id)


def _kept(message: ChatMessage) -> StreamEvent:
    """Return an event without text that carries the message as received, for the next request."""
    return StreamEvent(type="reasoning", chunk="", provider_metadata={_OURS: message.to_dict()})


def _finish(response: llm.Response, answer: ChatResponse) -> None:
    """Report usage, model and tool calls. The calls of an answer that was cut off must not be run."""
    usage = answer.usage
    details = {"reasoning": usage.reasoning_tokens, "cache_read": usage.cache_read_tokens}
    response.set_usage(
        input=usage.prompt_tokens,
        output=usage.completion_tokens,
        details={name: count for name, count in details.items() if count},
    )
    if answer.model:
        response.set_resolved_model(answer.model)
    if answer.finish_reason not in CUT_REASONS:
        for call in answer.tool_calls:
            response.add_tool_call(llm.ToolCall(call.name, call.arguments, call.id))
