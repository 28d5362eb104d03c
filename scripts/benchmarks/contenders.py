"""The clients that are measured: the same job done with each. Imports happen when a contender is made."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, Protocol

KEY = "sk-benchmark"
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}


class Contender(Protocol):
    """One client of one server."""

    def chat(self, messages: list[dict[str, Any]]) -> str:
        """Ask and return the text."""
        ...

    def stream(self, length: int, model: str = "MiniMax-M2.5") -> Iterator[str]:
        """Ask for a stream of that many deltas and yield their text."""
        ...


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


class Requests:
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


class Urllib3:
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


class OpenAI:
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


class Anthropic:
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


def _text_of(answer: dict[str, Any], wire: str) -> str:
    if wire == "anthropic":
        return str(answer["content"][-1]["text"])
    return str(answer["choices"][0]["message"]["content"])


def _delta_of(event: dict[str, Any]) -> str:
    if event.get("type") == "content_block_delta":
        return str(event["delta"]["text"])
    choices = event.get("choices")
    return str(choices[0]["delta"].get("content", "")) if choices else ""
