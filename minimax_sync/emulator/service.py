"""`Emulator`, the public class: an address, a key, answers and faults to queue, and the journal.

Decides in which order a request is handled: a queued fault first, then the credential, the request, the answer.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any

from .endpoints import Endpoints
from .envelopes import NOT_FOUND, Refusal
from .faults import API_KINDS, fail, refuse
from .journal import Received
from .models import Retirement, check_retired
from .portal import Portal
from .quota import Balance, Plan
from .recorder import Recorder, Replayer
from .script import Answer, Delivery, Fault, Leak, Split, make_calls, make_fault, next_of
from .server import Reply, Server

JOURNAL_LIMIT = 10_000


class Emulator:
    """A MiniMax on loopback, as a context manager or between `start()` and `stop()`. Safe under any number of threads.

    `host` may be an IPv6 address; `port=0` takes a free port. `api_key` is the only key that is accepted besides the
    access tokens of the portal, by default a new one.

    How answers are sent (`answer()` overrides each for one answer):

    - `delay`: seconds before each answer and, in a stream, before each event.
    - `silence`: seconds without a byte before an answer, as of a model that thinks. In a stream `pings` keep-alives
      are sent during that time.
    - `leak`: "m2" or "m3", tool calls come as text in the notation of that model.
    - `split`: how a stream cuts tool calls: "fragments", "whole" (one event), "characters", "interleaved" (the calls in
      turn), and on the OpenAI wire "repeated" (id and name again in each fragment), "cumulative" (each fragment repeats
      the arguments so far), "one_index" and "no_index". By default in the service's own ways.
    - `done=True` ends streams of the OpenAI wire with `[DONE]`, which gateways do and MiniMax does not.

    `retired`: how requests for the models that MiniMax retired on 2026-11-18 (M2.5 and M2.7) are handled. By default
    they are served. To refuse them: "unknown", "unsupported", "retired" (HTTP 400 and code 2013 in different words),
    "not_found" (HTTP 404), "base_resp" (HTTP 200 with code 2013; 400 on the Anthropic wire), "in_stream" (an error
    before the first delta; 400 if not streamed). To let M3.1-Flash answer, as for plan keys: "successor" (the answer
    names M3.1-Flash) or "under_old_name". A dict retires the models that it names: `{"MiniMax-M3": "not_found"}`.

    `record=DIR` with `upstream=URL` forwards every API request, with the client's own key, to that server and writes
    the exchange to DIR. `replay=DIR` accepts any key and answers from such files; a request that was not recorded is a
    404. No file contains a key or token.

    All of these but the address, the recorder and the replay are attributes too and can be changed at any time.
    `journal` lists the received requests, the last 10 000; `portal` is the Token Plan's portal, `plan` the reported
    quota, `balance` the reported balance.

    >>> from minimax_sync import MiniMaxClient
    >>> with Emulator(retired="successor") as emulator:
    ...     emulator.answer("Hello!", silence=0.01)
    ...     with MiniMaxClient(emulator.api_key, base_url=emulator.base_url) as client:
    ...         answer = client.chat("Hi", model="MiniMax-M2.5")
    >>> answer.text, answer.model
    ('Hello!', 'MiniMax-M3.1-Flash')
    >>> emulator.journal[-1].body["model"]
    'MiniMax-M2.5'
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        api_key: str | None = None,
        delay: float = 0.0,
        silence: float = 0.0,
        pings: int = 0,
        leak: Leak | None = None,
        split: Split | None = None,
        done: bool = False,
        retired: Retirement | Mapping[str, Retirement] | None = None,
        record: str | os.PathLike[str] | None = None,
        upstream: str | None = None,
        replay: str | os.PathLike[str] | None = None,
    ) -> None:
        check_retired(retired)
        self.api_key = api_key or f"sk-api-emulator-{secrets.token_hex(16)}"
        self.delay = delay
        self.silence = silence
        self.pings = pings
        self.leak = leak
        self.split = split
        self.done = done
        self.retired = retired
        self.journal: list[Received] = []
        self.plan = Plan()
        self.balance = Balance()
        self.portal = Portal(lambda: self.url, lambda: self._stopping)
        self.delivery()
        self._address = (host, port)
        self._url = ""
        self._server: Server | None = None
        self._stopping = threading.Event()
        self._answers: deque[Answer] = deque()
        self._faults: deque[Fault] = deque()
        self._endpoints: Endpoints | Recorder | Replayer = _endpoints(self, record, upstream, replay)

    def __repr__(self) -> str:
        return f"<Emulator {self._url or 'not started'}>"

    @property
    def url(self) -> str:
        """The origin, which also serves as the `region` of a bundle. It is kept after `stop()`."""
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
        silence: float | None = None,
        pings: int | None = None,
        leak: Leak | None = None,
        split: Split | None = None,
    ) -> None:
        """Queue an answer, for either wire. Without one the model repeats the user's text, or fits the JSON schema that
        the request asks for.

        `reasoning` is left out where the request switched thinking off. `tool_calls` are pairs `(name, arguments)`; the
        arguments are a dict, or text that is sent as it is. `finish_reason` is in the words of the OpenAI wire, by
        default "stop" or "tool_calls". `headers` are added to those of the response. `delay`, `silence`, `pings`,
        `leak` and `split` override the emulator's.

        >>> emulator = Emulator()
        >>> emulator.answer(tool_calls=[("get_weather", {"city": "Bern"})], leak="m2")
        """
        how = self.delivery(delay=delay, silence=silence, pings=pings, leak=leak, split=split)
        self._answers.append(Answer(text, reasoning, make_calls(tool_calls), finish_reason, dict(headers or {}), how))

    def next_answer(self) -> Answer | None:
        """Remove and return the first queued answer; None if there is none."""
        return next_of(self._answers)

    def delivery(self, **overrides: Any) -> Delivery:
        """Return how answers are sent; overrides that are not None win. Raise ValueError if a value is not possible."""
        ours = Delivery(self.delay, self.silence, self.pings, self.leak, self.split)
        return replace(ours, **{name: value for name, value in overrides.items() if value is not None})

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
        """Queue a fault for the next call of any kind but the portal's.

        `kind`: "truncate", the end is missing, in a stream the terminal event and the last delta; "disconnect", closed
        without a byte; "reset", reset half way; "stall", headers and then nothing; "html", a page as of a captive
        portal; "error_event", a stream that fails half way, with `code` (by default 1033).
        Or an HTTP `status`, also as the first argument, with MiniMax's envelope, by default 429; a `code` alone, which
        the native endpoints send with HTTP 200; a `body` of bytes, text, or a value for JSON, sent as it is. `message`
        replaces the service's words. Only "truncate", "reset" and "error_event" use up a queued answer.

        >>> emulator = Emulator()
        >>> emulator.fault(429, retry_after=2)
        >>> emulator.fault("truncate")
        """
        if isinstance(kind, int):
            kind, status = None, kind
        if kind is None and status is None and code is None and body is None:
            status = 429
        attributes = {"status": status, "code": code, "message": message, "headers": headers, "body": body}
        self._faults.append(make_fault(API_KINDS, kind, retry_after, **attributes))

    def start(self) -> Emulator:
        """Bind and serve in own threads. Return the emulator. Raise OSError with the address if it is in use."""
        if self._server is None:
            host, port = self._address
            self._stopping = threading.Event()
            self._server = Server(host, port, self._respond, self._stopping)
            shown = f"[{host}]" if ":" in host else host
            self._url = f"http://{shown}:{self._server.server_port}"
        return self

    def stop(self) -> None:
        """End every call in flight at once, close the sockets and join the threads. The journal is kept."""
        if self._server:
            self._server.stop()
        self._server = None

    def serve_forever(self) -> None:
        """Serve until another thread calls `stop()`, or until Ctrl-C."""
        self.start()
        try:
            while not self._stopping.wait(0.5):  # on Windows, Ctrl-C is handled only between two waits
                continue
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
        endpoint = self._endpoints.find(request)
        if endpoint is None:
            return NOT_FOUND
        fault = next_of(self._faults)
        try:
            return fail(fault, request, endpoint) if fault else endpoint.answer(request)
        except Refusal as refusal:
            return refuse(request, refusal, endpoint)


def _endpoints(
    emulator: Emulator,
    record: str | os.PathLike[str] | None,
    upstream: str | None,
    replay: str | os.PathLike[str] | None,
) -> Endpoints | Recorder | Replayer:
    if (record is None) != (upstream is None):
        raise ValueError(
            "record= and upstream= must be given together: the folder to write, and the URL of the server to forward to"
        )
    if record is not None and replay is not None:
        raise ValueError("record= and replay= are mutually exclusive")
    if record is not None and upstream is not None:
        return Recorder(record, upstream)
    return Endpoints(emulator) if replay is None else Replayer(replay)
