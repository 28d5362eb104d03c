"""A plain HTTP client for the emulator's own tests, of the standard library: it hides nothing of what came back."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from minimax_sync.emulator import Emulator

CLIENT_ID = "78257093-7e40-4613-99e0-527b14b39113"
OPENAI = "/v1/text/chatcompletion_v2"
ANTHROPIC = "/anthropic/v1/messages"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
VERIFIER = "a-verifier-that-is-long-enough-to-be-one-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CODE_FORM = {
    "response_type": "code",
    "scope": "group_id profile model.completion",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "state": "s1",
}
INVALID_GRANT = {"base_resp": {"status_code": 1, "status_msg": "invalid_grant"}}
CHAT: Mapping[str, Any] = {"model": "MiniMax-M2.5", "messages": [{"role": "user", "content": "Hello there"}]}


@dataclass(frozen=True)
class Answer:
    """A response, its body read to the end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def value(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The text of a whole answer, on either wire."""
        if "choices" in self.value:
            return str(self.value["choices"][0]["message"]["content"])
        return "".join(block.get("text", "") for block in self.value["content"])

    @property
    def thinking(self) -> str:
        """The thinking of a whole answer, on either wire."""
        if "choices" in self.value:
            return str(self.value["choices"][0]["message"].get("reasoning_content", ""))
        return "".join(block.get("thinking", "") for block in self.value["content"])

    @property
    def events(self) -> list[Any]:
        """The data of every event of a stream; each must be JSON."""
        blocks = self.body.decode().split("\n\n")
        assert blocks.pop() == ""
        return [json.loads(block.partition("data: ")[2]) for block in blocks]


def text_of(events: list[Any]) -> str:
    """Join the text of a stream's events, on either wire."""
    deltas = [choice["delta"] for event in events for choice in event.get("choices") or []]
    deltas += [event["delta"] for event in events if event.get("type") == "content_block_delta"]
    return "".join(delta.get("content") or delta.get("text") or "" for delta in deltas)


def connect(emulator: Emulator) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(emulator.url.removeprefix("http://"), timeout=5)


def send(emulator: Emulator, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
    connection = connect(emulator)
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


@contextmanager
def opened(
    emulator: Emulator, path: str, body: Any, *, key: str | None = None
) -> Iterator[tuple[http.client.HTTPConnection, http.client.HTTPResponse]]:
    """Post, and give the connection and the response whose body is to be read."""
    with closing(connect(emulator)) as connection:
        connection.request("POST", path, json.dumps(body), bearer(key or emulator.api_key))
        with connection.getresponse() as response:
            yield connection, response


def post(emulator: Emulator, path: str, body: Any, *, key: str | None = None) -> Answer:
    return send(emulator, "POST", path, json.dumps(body), bearer(key or emulator.api_key))


def get(emulator: Emulator, path: str, *, key: str | None = None) -> Answer:
    return send(emulator, "GET", path, None, bearer(key or emulator.api_key))


def form(emulator: Emulator, path: str, **fields: str) -> Answer:
    return send(emulator, "POST", path, urlencode({"client_id": CLIENT_ID, **fields}), FORM)


def refresh(emulator: Emulator, refresh_token: str) -> Answer:
    return send(emulator, "POST", "/oauth/token", refresh_form(refresh_token), FORM)


def refresh_form(refresh_token: str) -> str:
    return urlencode({"client_id": CLIENT_ID, "grant_type": "refresh_token", "refresh_token": refresh_token})


def works(emulator: Emulator, access_token: str) -> bool:
    return post(emulator, ANTHROPIC, anthropic(), key=access_token).status == 200


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}


def openai(messages: list[Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A request of the OpenAI wire with its reasoning apart."""
    return {**CHAT, "reasoning_split": True, **({"messages": messages} if messages is not None else {}), **fields}


def anthropic(messages: list[Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {**CHAT, "max_tokens": 100, **({"messages": messages} if messages is not None else {}), **fields}


BODIES = {OPENAI: openai, ANTHROPIC: anthropic}
WIRES = pytest.mark.parametrize("path", [OPENAI, ANTHROPIC])
