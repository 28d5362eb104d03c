"""A Token Plan login in other libraries: `auth=` of requests, `api_key=` of openai, an auth of httpx."""

from __future__ import annotations

import io
import json
from collections.abc import Generator, Iterator
from pathlib import Path

import httpx
import openai
import pytest
import requests

from minimax_sync import TokenPlan
from minimax_sync.emulator import Emulator
from minimax_sync.errors import CredentialInvalidError

CHAT = {"model": "MiniMax-M2.5", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def plan(emulator: Emulator, tmp_path: Path) -> TokenPlan:
    emulator.portal.bundle(tmp_path / "bundle.json", ttl=3600)
    return TokenPlan(tmp_path / "bundle.json", base_url=emulator.url)


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def chats(emulator: Emulator) -> list[str]:
    return [received.headers.get("authorization", "") for received in emulator.journal if "oauth" not in received.path]


def test_requests_sends_the_bearer_of_a_login(emulator: Emulator, plan: TokenPlan, session: requests.Session) -> None:
    answer = session.post(f"{emulator.base_url}/chat/completions", json=CHAT, auth=plan)
    assert answer.json()["choices"][0]["message"]["content"]
    assert chats(emulator) == [f"Bearer {plan.bearer()}"]
    assert emulator.portal.posts == 0


@pytest.mark.parametrize("stream", [False, True])
def test_a_401_is_answered_by_one_refresh_and_one_retry_with_the_whole_body(
    emulator: Emulator, plan: TokenPlan, session: requests.Session, stream: bool
) -> None:
    emulator.portal.expire_access()
    body = io.BytesIO(json.dumps(CHAT).encode())
    with session.post(
        f"{emulator.base_url}/chat/completions",
        data=body,
        headers={"Content-Type": "application/json"},
        auth=plan,
        stream=stream,
    ) as answer:
        assert (answer.status_code, [before.status_code for before in answer.history]) == (200, [401])
        assert answer.json()["choices"]
    assert len(set(chats(emulator))) == 2
    assert emulator.portal.posts == 1


def test_a_second_401_is_the_answer(emulator: Emulator, plan: TokenPlan, session: requests.Session) -> None:
    for _ in range(2):
        emulator.fault(status=401)
    answer = session.post(f"{emulator.base_url}/chat/completions", json=CHAT, auth=plan)
    assert answer.status_code == 401
    assert (len(chats(emulator)), emulator.portal.posts) == (2, 1)


def test_a_body_that_cannot_be_sent_again_is_not(
    emulator: Emulator, plan: TokenPlan, session: requests.Session
) -> None:
    class Pipe:
        """A body of known length without a position."""

        def __init__(self, body: bytes) -> None:
            self.read, self.length = io.BytesIO(body).read, len(body)

        def __len__(self) -> int:
            return self.length

        def __iter__(self) -> Iterator[bytes]:
            return iter(self.read, b"")

    emulator.fault(status=401)
    body = Pipe(json.dumps(CHAT).encode())
    answer = session.post(f"{emulator.base_url}/chat/completions", data=body, auth=plan)
    assert (answer.status_code, emulator.portal.posts) == (401, 0)


def test_a_dead_login_is_the_errors_own_kind(emulator: Emulator, plan: TokenPlan, session: requests.Session) -> None:
    emulator.portal.expire_access()
    emulator.portal.fault(status=400, body={"error": "invalid_grant"})
    with pytest.raises(CredentialInvalidError, match="minimax-sync login"):
        session.get(f"{emulator.url}/v1/models", auth=plan)


@pytest.mark.parametrize("base_url", [None, "https://api.minimax.io"])
def test_no_other_host_is_sent_a_token(
    emulator: Emulator, tmp_path: Path, session: requests.Session, base_url: str | None
) -> None:
    emulator.portal.bundle(tmp_path / "bundle.json", ttl=3600)
    answer = session.get(f"{emulator.url}/v1/models", auth=TokenPlan(tmp_path / "bundle.json", base_url=base_url))
    assert answer.status_code == 401
    assert chats(emulator) == [""]


@pytest.mark.parametrize(
    "url", ["https://api.minimax.io/v1/models?a=b", "https://api.minimaxi.com/anthropic/v1/messages"]
)
def test_minimaxs_own_hosts_are(plan: TokenPlan, url: str) -> None:
    request = requests.Request("GET", url, auth=plan).prepare()
    assert request.headers["Authorization"] == f"Bearer {plan.bearer()}"
    plain = requests.Request("GET", url.replace("https", "http"), auth=plan).prepare()
    assert "Authorization" not in plain.headers


def test_a_redirect_to_another_host_costs_no_token_and_no_refresh(
    emulator: Emulator, plan: TokenPlan, session: requests.Session
) -> None:
    with Emulator(host="127.0.0.2") as other:
        moved = {"Location": f"{other.url}/v1/models"}
        emulator.portal.fault(status=307, headers=moved, body="")
        answer = session.post(f"{emulator.url}/oauth/token", data={"a": "b"}, auth=plan)
        assert answer.status_code in (401, 404, 405)
        assert [received.headers.get("authorization") for received in other.journal] == [None]
    assert emulator.portal.posts == 0


def test_openai_asks_the_login_for_a_token_before_each_request(emulator: Emulator, plan: TokenPlan) -> None:
    with openai.OpenAI(api_key=plan.bearer, base_url=emulator.base_url, max_retries=0) as client:
        for _ in range(2):
            answer = client.chat.completions.create(model="MiniMax-M2.5", messages=[{"role": "user", "content": "hi"}])
            assert answer.choices[0].message.content
            plan.force_refresh(plan.bearer())
    assert len(set(chats(emulator))) == 2


class PlanAuth(httpx.Auth):
    """A Token Plan login for httpx, with one retry after a 401."""

    def __init__(self, plan: TokenPlan) -> None:
        self.plan = plan

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self.plan.bearer()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == 401:
            request.headers["Authorization"] = f"Bearer {self.plan.force_refresh(token)}"
            yield request


def test_ten_lines_make_it_an_auth_of_httpx(emulator: Emulator, plan: TokenPlan) -> None:
    emulator.portal.expire_access()
    with httpx.Client(auth=PlanAuth(plan)) as client:
        answer = client.post(f"{emulator.base_url}/chat/completions", json=CHAT)
    assert answer.json()["choices"]
    assert emulator.portal.posts == 1
