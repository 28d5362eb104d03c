"""The emulator as its user holds it: an origin, a key, answers and faults to queue, and the journal.

Here the parts meet: which path is served by whom, who may call, and in what order a request is judged: a queued fault
first, then the credential, then the request, then the answer.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any

from . import anthropic_wire, embeddings, openai_wire, quota, validation
from .envelopes import NOT_FOUND, Refusal, json_reply
from .faults import API_KINDS, Endpoint, spoil
from .journal import Received
from .generation import MODELS, Prompt, default_answer
from .portal import Portal
from .script import Answer, Fault, make_calls, make_fault, next_of
from .server import Reply, Server

JOURNAL_LIMIT = 10_000
LAST_WORDS = "login fail: the access token has expired or was revoked"


class Emulator:
    """A MiniMax on loopback, as a context manager or between `start()` and `stop()`. Safe under any number of threads.

    `api_key` is the one key that is accepted, beside the portal's access tokens; by default a new one. `delay` is
    seconds before each answer and, in a stream, before each event. `done=True` ends streams of the OpenAI wire with
    `[DONE]`, which gateways do and MiniMax does not.
    `journal` lists what was received, the last 10 000; `portal` is the Token Plan's; `plan` the quota that is told.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        api_key: str | None = None,
        delay: float = 0.0,
        done: bool = False,
    ) -> None:
        self.api_key = api_key or f"sk-api-emulator-{secrets.token_hex(16)}"
        self.delay = delay
        self.done = done
        self.journal: list[Received] = []
        self.plan = quota.Plan()
        self.portal = Portal(lambda: self.url, lambda: self._stopping)
        self._address = (host, port)
        self._url = ""
        self._server: Server | None = None
        self._stopping = threading.Event()
        self._answers: deque[Answer] = deque()
        self._faults: deque[Fault] = deque()
        chat = Endpoint(self._openai, openai_wire.refusal, openai_wire.error_event)
        messages = Endpoint(self._anthropic, error_event=anthropic_wire.error_event)
        self._endpoints: Mapping[tuple[str, str], Endpoint] = {
            ("POST", "/v1/text/chatcompletion_v2"): chat,
            ("POST", "/v1/chat/completions"): chat,
            ("POST", "/text/chatcompletion_v2"): chat,
            ("POST", "/chat/completions"): chat,
            ("POST", "/anthropic/v1/messages"): messages,
            ("POST", "/anthropic/v1/messages/count_tokens"): Endpoint(_count_tokens),
            ("POST", "/v1/embeddings"): Endpoint(embeddings.answer, embeddings.refusal),
            ("GET", "/v1/models"): Endpoint(_openai_models),
            ("GET", "/anthropic/v1/models"): Endpoint(_anthropic_models),
            ("GET", "/v1/token_plan/remains"): Endpoint(self.plan.remains, quota.refusal),
            ("GET", "/v1/api/openplatform/coding_plan/remains"): Endpoint(self.plan.legacy_remains, quota.refusal),
        }

    def __repr__(self) -> str:
        return f"<Emulator {self._url or 'not started'}>"

    @property
    def url(self) -> str:
        """The origin, to be used as `region` of a bundle; it stays known after `stop()`."""
        if not self._url:
            raise RuntimeError("the emulator has not been started: use it in a `with` statement, or call start()")
        return self._url

    @property
    def base_url(self) -> str:
        """The base URL of the OpenAI wire."""
        return f"{self.url}/v1"

    @property
    def anthropic_base_url(self) -> str:
        """The base URL of the Anthropic wire."""
        return f"{self.url}/anthropic"

    def answer(
        self,
        text: str = "",
        *,
        reasoning: str = "",
        tool_calls: Iterable[tuple[str, Mapping[str, Any] | str]] = (),
        finish_reason: str = "",
        headers: Mapping[str, str] | None = None,
        delay: float | None = None,
    ) -> None:
        """Queue an answer, for either wire; without one the model repeats what the user said.

        `tool_calls` are pairs `(name, arguments)`, the arguments a dict, or text that is sent as it is.
        `finish_reason` is in the words of the OpenAI wire, by default "stop" or "tool_calls"; `headers` are added to
        the response's; `delay` replaces the emulator's.
        """
        calls = make_calls(tool_calls)
        pause = self.delay if delay is None else delay
        self._answers.append(Answer(text, reasoning, calls, finish_reason, dict(headers or {}), pause))

    def fault(
        self,
        kind: str | int | None = None,
        *,
        status: int | None = None,
        code: int | None = None,
        message: str = "",
        retry_after: float | str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> None:
        """Spoil the next call, of any kind but the portal's; several are queued.

        `kind`: "truncate", the end is missing, in a stream the terminal event and the last delta; "disconnect", closed
        without a byte; "reset", reset half way; "stall", headers and then nothing; "html", a page as of a captive
        portal; "error_event", a stream that fails half way, with `code` (default 1033).
        Or an HTTP `status`, also as the first argument, with MiniMax's envelope, 429 when nothing else is said; a
        `code` alone, which the native endpoints send with HTTP 200; a `body` of bytes, text, or a value for JSON, as it
        is. `message` replaces the service's words. A queued answer is used up only by "truncate", "reset" and
        "error_event".
        """
        if isinstance(kind, int):
            kind, status = None, kind
        if kind is None and status is None and code is None and body is None:
            status = 429
        attributes = {"status": status, "code": code, "message": message, "headers": headers, "body": body}
        self._faults.append(make_fault(API_KINDS, kind, retry_after, **attributes))

    def start(self) -> Emulator:
        """Bind and serve in threads of its own; an address in use is an OSError. Returns the emulator."""
        if self._server is None:
            host, port = self._address
            self._stopping = threading.Event()
            self._server = Server(host, port, self._respond, self._stopping)
            self._url = f"http://{host}:{self._server.server_port}"
        return self

    def stop(self) -> None:
        """End every call in flight at once, close the sockets and wait for the threads. The journal stays."""
        if self._server:
            self._server.stop()
        self._server = None

    def serve_forever(self) -> None:
        """Serve until `stop()` is called from another thread, or Ctrl-C."""
        self.start()
        try:
            self._stopping.wait()
        finally:
            self.stop()

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _respond(self, request: Received) -> Reply:
        self.journal.append(request)
        if len(self.journal) > JOURNAL_LIMIT:
            del self.journal[0]
        route = (request.method, request.route)
        if route in self.portal.routes:
            return self.portal.routes[route](request)
        endpoint = self._endpoints.get(route)
        if endpoint is None:
            return NOT_FOUND
        guarded = replace(endpoint, answer=lambda request: self._admit(request, endpoint))
        fault = next_of(self._faults)
        try:
            return spoil(fault, request, guarded) if fault else guarded.answer(request)
        except Refusal as refusal:
            return endpoint.refuse(request, refusal)

    def _admit(self, request: Received, endpoint: Endpoint) -> Reply:
        """Answer who may ask. MiniMax wants a bearer token on both wires; an `x-api-key` alone is not read."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal(401, 1004)
        if token != self.api_key and not self.portal.accepts(token):
            raise Refusal(401, 1004, LAST_WORDS) if self.portal.issued(token) else Refusal(401, 2049)
        return endpoint.answer(request)

    def _openai(self, request: Received) -> Reply:
        warning = validation.check_openai(request.body)
        prompt = openai_wire.read(request.body)
        return openai_wire.reply(request.body, prompt, self._next_answer(prompt), warning=warning, done=self.done)

    def _anthropic(self, request: Received) -> Reply:
        validation.check_anthropic(request.body)
        prompt = anthropic_wire.read(request.body)
        return anthropic_wire.reply(request.body, prompt, self._next_answer(prompt))

    def _next_answer(self, prompt: Prompt) -> Answer:
        return next_of(self._answers) or replace(default_answer(prompt), delay=self.delay)


def _count_tokens(request: Received) -> Reply:
    validation.check_anthropic(request.body)
    return json_reply({"input_tokens": anthropic_wire.read(request.body).tokens})


def _openai_models(request: Received) -> Reply:
    data = [{"id": name, "object": "model", "created": at, "owned_by": "minimax"} for name, at in MODELS.items()]
    return json_reply({"object": "list", "data": data})


def _anthropic_models(request: Received) -> Reply:
    names = list(MODELS)
    data = [{"id": name, "created_at": _day(at), "display_name": name, "type": "model"} for name, at in MODELS.items()]
    return json_reply({"data": data, "first_id": names[0], "has_more": False, "last_id": names[-1]})


def _day(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
