"""What an exchange puts on the wire, takes from a session, and costs; what breaks it stands among the faults."""

from __future__ import annotations

import cProfile
import io
import json
import pstats
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from support.run_python import run_python

import minimax_sync
from minimax_sync.errors import ConfigError
from minimax_sync.net.reply import Reply
from minimax_sync.net.session import Http


class Mirror(BaseHTTPRequestHandler):
    """Answers with what it was sent, as JSON."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        seen = {"line": self.requestline, "headers": self.headers.items(), "body": body.decode()}
        text = json.dumps(seen).encode()
        head = "HTTP/1.1 200 OK\r\nX-Request-Id: 7\r\nContent-Type: application/json\r\n"
        self.wfile.write(f"{head}Content-Length: {len(text)}\r\n\r\n".encode() + text)

    do_GET = do_POST = answer

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def post(http: Http, url: str, headers: dict[str, str] | None = None, body: bytes | None = b"{}") -> Reply:
    return http.exchange("POST", url, headers=headers or {}, body=body, deadline=time.monotonic() + 10)


def seen(reply: Reply) -> Any:
    return json.loads(reply.read())


def headers_seen(reply: Reply) -> dict[str, str]:
    pairs = [(name.lower(), value) for name, value in seen(reply)["headers"]]
    assert len(dict(pairs)) == len(pairs), "a header was sent twice"
    return dict(pairs)


def test_a_request_is_sent_as_given(own: Http, url: str) -> None:
    reply = post(own, f"{url}/v1/text?GroupId=7&x=%20", {"Content-Type": "application/json"}, '{"a": "ä"}'.encode())
    assert reply.status == 200
    assert reply.headers.get("x-request-ID") == "7"
    assert reply.headers.get("nothing") is None
    request = seen(reply)
    assert request["line"] == "POST /v1/text?GroupId=7&x=%20 HTTP/1.1"
    assert request["body"] == '{"a": "ä"}'
    assert dict(request["headers"]) == {
        "Host": url.removeprefix("http://"),
        "User-Agent": f"minimax-sync/{minimax_sync.__version__}",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "Content-Length": "11",
    }


@pytest.mark.parametrize(("path", "target"), [("", "/"), ("/", "/"), ("?a=b", "/?a=b"), ("/a//b/", "/a//b/")])
def test_the_target_is_the_rest_of_the_url(own: Http, url: str, path: str, target: str) -> None:
    assert (
        seen(own.exchange("GET", url + path, headers={}, deadline=time.monotonic() + 10))["line"].split()[1] == target
    )
    assert seen(post(own, url.replace("http", "HTTP") + path))["line"].split()[1] == target


def test_a_header_of_the_caller_replaces_ours(own: Http, url: str) -> None:
    assert headers_seen(post(own, url, {"user-agent": "other", "ACCEPT-encoding": "gzip"})).items() >= {
        ("user-agent", "other"),
        ("accept-encoding", "gzip"),
    }


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/",
        "127.0.0.1",
        "http://",
        "http:///path",
        "http://user:password@127.0.0.1/",
        "http://127.0.0.1@127.0.0.2/",
        "http://127.0.0.1\\@127.0.0.2/",
        "http://127.0.0.1/#fragment",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\r\nX: y",
        "http://127.0.0.1/ä",
        "http://ä.invalid/",
    ],
)
def test_a_url_that_cannot_be_used_is_a_config_error_that_does_not_quote_it(own: Http, url: str) -> None:
    with pytest.raises(ConfigError, match="the URL cannot be used") as caught:
        post(own, url)
    assert "127" not in str(caught.value)


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\0b", "\x7f", "→"])
def test_a_header_that_http_does_not_allow_is_named_and_not_quoted(own: Http, url: str, value: str) -> None:
    with pytest.raises(ConfigError, match="'Authorization'") as caught:
        post(own, url, {"Authorization": f"Bearer {value}"})
    assert "Bearer" not in str(caught.value)
    with pytest.raises(ConfigError):
        post(own, url, {f"X{value}": "y"})


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="the system is asked for its proxy there")
def test_a_call_without_a_proxy_does_not_load_requests(url: str) -> None:
    code = """
        import sys, time
        from minimax_sync import MiniMaxClient
        from minimax_sync.net.session import Http
        MiniMaxClient("a-long-enough-key", base_url=sys.argv[1]).close()
        print(Http().exchange("GET", sys.argv[1], headers={}, deadline=time.monotonic() + 10).status)
        print("requests" in sys.modules)
    """
    assert run_python(code, url).split() == ["200", "False"]


# A user's session


def test_a_users_session_is_used_as_it_is(session: requests.Session, url: str) -> None:
    session.auth = ("someone", "password")
    session.cookies.set("a", "b")
    session.params = {"tenant": "7"}
    session.headers.update({"X-Tenant": "seven", "Authorization": "Basic x", "User-Agent": "theirs", "X-Bytes": b"raw"})
    session.headers["X-None"] = None  # type: ignore[assignment]  # how requests unsets a header
    session.headers["Content-Length"] = "99"
    heard: list[int] = []
    session.hooks["response"].append(lambda response, **_: heard.append(response.status_code))
    reply = post(Http(session), f"{url}/v1?a=b", {"Authorization": "Bearer ours"})
    request = seen(reply)
    sent = {name.lower(): value for name, value in request["headers"]}
    assert request["line"] == "POST /v1?a=b&tenant=7 HTTP/1.1"
    assert sent["x-tenant"] == "seven"
    assert sent["x-bytes"] == "raw"
    assert sent["cookie"] == "a=b"
    assert sent["user-agent"] == "theirs"
    assert sent["content-length"] == "2"
    assert "x-none" not in sent
    assert heard == [200]


class Signing(requests.auth.AuthBase):
    """Signs what it sees, and takes the Authorization for itself."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["X-Signature"] = f"of {request.headers['Authorization']}"
        request.headers["Authorization"] = "theirs"
        return request


@pytest.mark.parametrize("auth", [None, ("someone", "password"), Signing()], ids=["netrc", "basic", "object"])
def test_the_bearer_stays_whatever_auth_a_session_has(
    session: requests.Session, url: str, auth: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    session.auth = auth
    sent = headers_seen(post(Http(session), url, {"Authorization": "Bearer ours"}))
    assert sent["authorization"] == "Bearer ours"
    assert sent.get("x-signature") == ("of Bearer ours" if isinstance(auth, Signing) else None)


def test_the_session_of_a_subclass_sends_itself(url: str) -> None:
    class Gateway(requests.Session):
        def __init__(self) -> None:
            super().__init__()
            self.calls: list[str] = []

        def request(self, *args: Any, **kwargs: Any) -> requests.Response:
            self.calls.append("request")
            return super().request(*args, **kwargs)

        def send(self, *args: Any, **kwargs: Any) -> requests.Response:
            self.calls.append("send")
            return super().send(*args, **kwargs)

    with Gateway() as session:
        post(Http(session), url).read()
        assert session.calls == ["request", "send"]


def test_a_hook_may_read_the_answer_first(session: requests.Session, url: str) -> None:
    lengths: list[int] = []
    session.hooks["response"] = lambda response, **_: lengths.append(len(response.content))
    body = post(Http(session), url).read()
    assert lengths == [len(body)] != [0]


def test_the_adapter_that_the_user_mounted_for_the_url_is_used(session: requests.Session, url: str) -> None:
    class Counting(requests.adapters.HTTPAdapter):
        sent = 0

        def send(self, *args: Any, **kwargs: Any) -> requests.Response:
            self.sent += 1
            return super().send(*args, **kwargs)

    adapter = Counting()
    session.mount(f"{url}/v1", adapter)
    http = Http(session)
    post(http, f"{url}/v1/x").read()
    post(http, f"{url}/v2/x").read()
    assert adapter.sent == 1


def test_settings_that_the_user_changes_are_seen(session: requests.Session, url: str) -> None:
    settings: list[Any] = []

    class Recording(requests.adapters.HTTPAdapter):
        def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
            settings.append((kwargs["verify"], kwargs["cert"], dict(kwargs["proxies"])))
            return super().send(request, *args, **{**kwargs, "proxies": {}, "cert": None})

    session.mount("http://", Recording())
    http = Http(session)
    post(http, url).read()
    session.verify, session.cert, session.proxies = False, "cert.pem", {"http": "http://127.0.0.1:1"}
    post(http, url).read()
    assert settings == [(True, None, {}), (False, "cert.pem", {"http": "http://127.0.0.1:1"})]


def test_a_users_session_stays_open(session: requests.Session, url: str) -> None:
    http = Http(session)
    post(http, url).read()
    http.close()
    assert len(session.adapters["http://"].poolmanager.pools) == 1  # type: ignore[attr-defined]


def test_a_closed_http_opens_new_connections(own: Http, url: str) -> None:
    post(own, url).read()
    own.close()
    assert post(own, url).status == 200


def test_an_adapter_that_is_not_requests_own_may_answer(session: requests.Session) -> None:
    class Canned(requests.adapters.BaseAdapter):
        def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
            response = requests.Response()
            response.status_code = 200
            response.raw = io.BytesIO(b"canned")
            return response

        def close(self) -> None:
            """There is nothing to close."""

    session.mount("http://", Canned())
    assert post(Http(session), "http://127.0.0.1:1/").read() == b"canned"


# What it costs


def calls_made(function: Any) -> int:
    function()
    profile = cProfile.Profile()
    profile.runcall(function)
    return pstats.Stats(profile, stream=io.StringIO()).total_calls  # type: ignore[attr-defined,no-any-return]


def test_an_exchange_makes_less_than_half_of_the_calls_that_requests_makes(
    own: Http, session: requests.Session, url: str
) -> None:
    headers = {"Authorization": "Bearer x", "Content-Type": "application/json"}
    ours = calls_made(lambda: post(own, url, headers).read())
    theirs = calls_made(lambda: session.post(url, data=b"{}", headers=headers).content)
    assert ours < 1300
    assert ours < theirs / 2
