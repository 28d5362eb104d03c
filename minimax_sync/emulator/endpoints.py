"""The paths of the API, what serves each, and the check of the credential.

Contains the table of routes, which is the same on MiniMax's global and Chinese hosts. Must not know sockets or the
recorder.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from . import anthropic_wire, embeddings, openai_wire, quota, validation
from .envelopes import Refusal, json_reply
from .faults import Endpoint
from .generation import Prompt, default_answer
from .journal import Received
from .leaks import leaked
from .models import Model, Retirement, Wire, listed, serve
from .portal import Portal
from .script import Answer, Delivery
from .server import Reply

REVOKED = "login fail: the access token has expired or was revoked"


@runtime_checkable
class State(Protocol):
    """What the endpoints need of the emulator."""

    api_key: str
    done: bool
    retired: Retirement | Mapping[str, Retirement] | None
    plan: quota.Plan
    balance: quota.Balance
    portal: Portal

    def next_answer(self) -> Answer | None:
        """Remove and return the first queued answer; None if there is none."""
        ...

    def delivery(self) -> Delivery:
        """Return how answers are sent by default."""
        ...


class Endpoints:
    """The API of an emulator: from (method, path) to the endpoint that serves it."""

    def __init__(self, emulator: State) -> None:
        self._emulator = emulator
        chat = Endpoint(self._openai, openai_wire.refusal, openai_wire.error_event)
        messages = Endpoint(self._anthropic, error_event=anthropic_wire.error_event)
        plan, balance = emulator.plan, emulator.balance
        self.routes: Mapping[tuple[str, str], Endpoint] = {
            ("POST", "/v1/text/chatcompletion_v2"): chat,
            ("POST", "/v1/chat/completions"): chat,
            ("POST", "/text/chatcompletion_v2"): chat,
            ("POST", "/chat/completions"): chat,
            ("POST", "/anthropic/v1/messages"): messages,
            ("POST", "/anthropic/v1/messages/count_tokens"): Endpoint(self._count_tokens),
            ("POST", "/v1/embeddings"): Endpoint(embeddings.answer, embeddings.refusal),
            ("GET", "/v1/models"): Endpoint(self._openai_models),
            ("GET", "/anthropic/v1/models"): Endpoint(self._anthropic_models),
            ("GET", "/v1/token_plan/remains"): Endpoint(plan.remains, quota.refusal),
            ("GET", "/v1/api/openplatform/coding_plan/remains"): Endpoint(plan.legacy_remains, quota.refusal),
            ("GET", "/account/query_balance"): Endpoint(balance.answer, quota.refusal),
        }

    def find(self, request: Received) -> Endpoint | None:
        """Return the endpoint that serves the request, which first checks the credential; None if there is none."""
        endpoint = self.routes.get((request.method, request.route))
        if endpoint is None:
            return None
        answer = endpoint.answer
        return replace(endpoint, answer=lambda request: answer(self._admitted(request)))

    def _admitted(self, request: Received) -> Received:
        """Check the credential: MiniMax wants a bearer token on both wires and does not read `x-api-key` alone."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal(401, 1004)
        portal = self._emulator.portal
        if token != self._emulator.api_key and not portal.accepts(token):
            raise Refusal(401, 1004, REVOKED) if portal.issued(token) else Refusal(401, 2049)
        return request

    def _openai(self, request: Received) -> Reply:
        model, name = self._model(request, "openai")
        warning = validation.check_openai(request.body, model)
        prompt = openai_wire.read(request.body, model)
        answer = self._answer(prompt)
        return openai_wire.reply(request.body, prompt, answer, name, warning=warning, done=self._emulator.done)

    def _anthropic(self, request: Received) -> Reply:
        model, name = self._model(request, "anthropic")
        validation.check_anthropic(request.body, model)
        prompt = anthropic_wire.read(request.body, model)
        return anthropic_wire.reply(request.body, prompt, self._answer(prompt), name)

    def _count_tokens(self, request: Received) -> Reply:
        model, _ = self._model(request, "anthropic")
        validation.check_anthropic(request.body, model)
        return json_reply({"input_tokens": anthropic_wire.read(request.body, model).tokens})

    def _model(self, request: Received, wire: Wire) -> tuple[Model, str]:
        return serve(validation.model_name(request.body), wire, self._emulator.retired)

    def _answer(self, prompt: Prompt) -> Answer:
        """Return the next answer of the script, else the default; without thinking if the request switched it off."""
        answer = self._emulator.next_answer() or replace(default_answer(prompt), delivery=self._emulator.delivery())
        return leaked(answer if prompt.thoughts else replace(answer, reasoning=""))

    def _openai_models(self, request: Received) -> Reply:
        models = listed(self._emulator.retired)
        data = [{"id": m.name, "object": "model", "created": m.created, "owned_by": "minimax"} for m in models]
        return json_reply({"object": "list", "data": data})

    def _anthropic_models(self, request: Received) -> Reply:
        models = listed(self._emulator.retired)
        data: list[Mapping[str, Any]] = [
            {"id": m.name, "created_at": _day(m.created), "display_name": m.name, "type": "model"} for m in models
        ]
        ends = {"first_id": data[0]["id"], "has_more": False, "last_id": data[-1]["id"]}
        return json_reply({"data": data, **ends})


def _day(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
