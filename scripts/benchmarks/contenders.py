"""The clients that are measured: the same job done with each. Imports happen when a contender is made."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

KEY = "sk-benchmark"
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}


TOOL = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL_MODEL = "calling"
"""The server answers this model with a call of `get_weather`, whatever it is asked."""


class Contender(Protocol):
    """One client of one server."""

    def chat(self, messages: list[dict[str, Any]]) -> str:
        """Ask and return the text."""
        ...

    def stream(self, length: int, model: str = "MiniMax-M2.5") -> Iterator[str]:
        """Ask for a stream of that many deltas and yield their text."""
        ...

    def map(self, prompts: Sequence[str], workers: int) -> int:
        """Ask all prompts in that many threads and return the number of answers."""
        ...

    def tool_loop(self, rounds: int) -> int:
        """Answer that many tool calls, each in a request with all before it, and return the messages of the history."""
        ...


class Pooled:
    """What a program does for many prompts when its client does nothing for it."""

    chat: Callable[[list[dict[str, Any]]], str]

    def map(self, prompts: Sequence[str], workers: int) -> int:
        with ThreadPoolExecutor(workers) as pool:
            return sum(map(bool, pool.map(lambda prompt: self.chat([{"role": "user", "content": prompt}]), prompts)))


def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"21 degrees in {city}"


def image_message(data: bytes, own_type: bool) -> list[Any]:
    """Make a message with an image: ours takes the bytes, the others want them encoded."""
    if own_type:
        from minimax_sync import ChatMessage

        return [ChatMessage.user("What is it?", images=[data])]
    url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return [
        {
            "role": "user",
            "content": [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}],
        }
    ]


class Ours:
    """minimax_sync."""

    def __init__(self, url: str, wire: str, verify: str | None = None) -> None:
        from minimax_sync import MiniMaxClient

        flavor = {"openai": "openai_compat", "anthropic": "anthropic_messages"}[wire]
        base = f"{url}/v1" if wire == "openai" else url
        path = "/chat/completions" if wire == "openai" else None
        self.client = MiniMaxClient(KEY, base_url=base, api_flavor=flavor, chat_path=path, requests_per_second=None)

    def chat(self, messages: list[dict[str, Any]]) -> str:
        return self.client.chat(messages).text

    def stream(self, length: int, model: str = "MiniMax-M2.5") -> Iterator[str]:
        from minimax_sync import TextDelta

        stream = self.client.stream("hello", max_tokens=length, model=model)
        for chunk in stream:
            if type(chunk) is TextDelta:
                yield chunk.text
        assert stream.response.finish_reason == "stop"

    def map(self, prompts: Sequence[str], workers: int) -> int:
        return sum(result.response is not None for result in self.client.map(prompts, workers=workers))

    def tool_loop(self, rounds: int) -> int:
        answer = self.client.run_tools("hello", [get_weather], max_rounds=rounds, model=TOOL_MODEL)
        return len(answer.messages)


class Requests(Pooled):
    """requests.Session and json, as a program without a client would use them."""

    def __init__(self, url: str, wire: str, verify: str | None = None) -> None:
        import requests

        self.session = requests.Session()
        self.url, self.wire = url + PATHS[wire], wire
        self.headers = {"Authorization": f"Bearer {KEY}"}

    def chat(self, messages: list[dict[str, Any]]) -> str:
        body = {"model": "MiniMax-M2.5", "max_tokens": 65536, "messages": messages}
        answer = self.session.post(self.url, json=body, headers=self.headers, timeout=60)
        answer.raise_for_status()
        return _text_of(answer.json(), self.wire)

    def stream(self, length: int, model: str = "MiniMax-M2.5") -> Iterator[str]:
        body = {"model": model, "max_tokens": length, "messages": HELLO, "stream": True}
        answer = self.session.post(self.url, json=body, headers=self.headers, timeout=60, stream=True)
        for line in answer.iter_lines(chunk_size=1 if model == "paced" else 512):
            if line.startswith(b"data: ") and line != b"data: [DONE]":
                text = _delta_of(json.loads(line[6:]))
                if text:
                    yield text

    def tool_loop(self, rounds: int) -> int:
        tool = {"name": "get_weather", "description": get_weather.__doc__}
        if self.wire == "openai":
            tools = [{"type": "function", "function": {**tool, "parameters": TOOL}}]
        else:
            tools = [{**tool, "input_schema": TOOL}]
        messages = list(HELLO)
        for _ in range(rounds):
            body = {"model": TOOL_MODEL, "max_tokens": 65536, "messages": messages, "tools": tools}
            answer = self.session.post(self.url, json=body, headers=self.headers, timeout=60)
            answer.raise_for_status()
            messages += (_openai_turn if self.wire == "openai" else _anthropic_turn)(answer.json())
        return len(messages)


class Urllib3(Pooled):
    """urllib3 and orjson: the floor."""

    def __init__(self, url: str, wire: str, verify: str | None = None) -> None:
        import orjson
        import urllib3

        self.json = orjson
        self.pool = urllib3.PoolManager(maxsize=256, ca_certs=verify)
        self.url, self.wire = url + PATHS[wire], wire
        self.headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}

    def chat(self, messages: list[dict[str, Any]]) -> str:
        body = self.json.dumps({"model": "MiniMax-M2.5", "max_tokens": 65536, "messages": messages})
        answer = self.pool.request("POST", self.url, body=body, headers=self.headers, retries=False)
        return _text_of(self.json.loads(answer.data), self.wire)

    def stream(self, length: int, model: str = "MiniMax-M2.5") -> Iterator[str]:
        body = self.json.dumps({"model": model, "max_tokens": length, "messages": HELLO, "stream": True})
        answer = self.pool.request(
            "POST", self.url, body=body, headers=self.headers, retries=False, preload_content=False
        )
        for event in answer.stream():
            for line in event.splitlines():
                if line.startswith(b"data: ") and line != b"data: [DONE]":
                    text = _delta_of(self.json.loads(line[6:]))
                    if text:
                        yield text
        answer.release_conn()


class OpenAI(Pooled):
    """The openai package."""

    def __init__(self, url: str, wire: str, verify: str | None = None) -> None:
        import openai

        self.client = openai.OpenAI(api_key=KEY, base_url=f"{url}/v1")

    def chat(self, messages: list[Any]) -> str:
        answer = self.client.chat.completions.create(model="MiniMax-M2.5", max_tokens=65536, messages=messages)
        return answer.choices[0].message.content or ""

    def stream(self, length: int, model: str = "MiniMax-M2.5") -> Iterator[str]:
        messages: Any = HELLO
        for chunk in self.client.chat.completions.create(
            model=model, max_tokens=length, messages=messages, stream=True
        ):
            if chunk.choices and chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content

    def tool_loop(self, rounds: int) -> int:
        function: Any = {"name": "get_weather", "description": get_weather.__doc__, "parameters": TOOL}
        tools: Any = [{"type": "function", "function": function}]
        messages: list[Any] = list(HELLO)
        for _ in range(rounds):
            answer = self.client.chat.completions.create(
                model=TOOL_MODEL, max_tokens=65536, messages=messages, tools=tools
            )
            messages.append(answer.choices[0].message)
            for call in answer.choices[0].message.tool_calls or ():
                result = get_weather(**json.loads(call.function.arguments))  # type: ignore[union-attr]
                messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        return len(messages)


class Anthropic(Pooled):
    """The anthropic package."""

    def __init__(self, url: str, wire: str, verify: str | None = None) -> None:
        import anthropic

        self.client = anthropic.Anthropic(auth_token=KEY, base_url=url)

    def chat(self, messages: list[Any]) -> str:
        answer = self.client.messages.create(model="MiniMax-M2.5", max_tokens=8192, messages=messages)
        return "".join(block.text for block in answer.content if block.type == "text")

    def stream(self, length: int, model: str = "MiniMax-M2.5") -> Iterator[str]:
        messages: Any = HELLO
        for event in self.client.messages.create(model=model, max_tokens=length, messages=messages, stream=True):
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                yield event.delta.text

    def tool_loop(self, rounds: int) -> int:
        tools: Any = [{"name": "get_weather", "description": get_weather.__doc__, "input_schema": TOOL}]
        messages: list[Any] = list(HELLO)
        for _ in range(rounds):
            answer = self.client.messages.create(model=TOOL_MODEL, max_tokens=8192, messages=messages, tools=tools)
            results = [
                {"type": "tool_result", "tool_use_id": block.id, "content": get_weather(**block.input)}
                for block in answer.content
                if block.type == "tool_use"
            ]
            messages += [{"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]
        return len(messages)


HELLO: list[dict[str, Any]] = [{"role": "user", "content": "hello"}]

CONTENDERS = {"ours": Ours, "requests": Requests, "urllib3": Urllib3, "openai": OpenAI, "anthropic": Anthropic}
MODULES = {
    "ours": "minimax_sync",
    "requests": "requests",
    "urllib3": "urllib3, orjson",
    "openai": "openai",
    "anthropic": "anthropic",
}


def contenders_of(wire: str) -> list[str]:
    """Name those who speak the wire."""
    other = {"openai": "anthropic", "anthropic": "openai"}[wire]
    return [name for name in CONTENDERS if name != other]


def _openai_turn(answer: dict[str, Any]) -> list[dict[str, Any]]:
    message = answer["choices"][0]["message"]
    results = [
        {
            "role": "tool",
            "tool_call_id": call["id"],
            "content": get_weather(**json.loads(call["function"]["arguments"])),
        }
        for call in message["tool_calls"]
    ]
    return [message, *results]


def _anthropic_turn(answer: dict[str, Any]) -> list[dict[str, Any]]:
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": get_weather(**block["input"])}
        for block in answer["content"]
        if block["type"] == "tool_use"
    ]
    return [{"role": "assistant", "content": answer["content"]}, {"role": "user", "content": results}]


def _text_of(answer: dict[str, Any], wire: str) -> str:
    if wire == "anthropic":
        return str(answer["content"][-1]["text"])
    return str(answer["choices"][0]["message"]["content"])


def _delta_of(event: dict[str, Any]) -> str:
    if event.get("type") == "content_block_delta":
        return str(event["delta"]["text"])
    choices = event.get("choices")
    return str(choices[0]["delta"].get("content", "")) if choices else ""
