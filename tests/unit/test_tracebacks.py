"""No exception shows a local of ours, whatever it is chained to; those of a user's code stay."""

from __future__ import annotations

import errno
import socket
import ssl
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import urllib3

from minimax_sync import MiniMaxClient
from minimax_sync.emulator import Emulator
from minimax_sync.tracebacks import bare_os_error, causes, sealed

CANARY = "canary"


def shown(error: BaseException) -> str:
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(report.format())


OURS = """
from minimax_sync.tracebacks import sealed

def deeper(secret, kind):
    held = [secret]
    raise kind(f"of {len(held)}")

@sealed
def plain(secret, kind):
    deeper(secret, kind)

@sealed
def chained(secret, kind):
    try:
        deeper(secret, kind)
    except BaseException as error:
        held = secret * 2
        raise ValueError(f"of {len(held)}") from error

@sealed
def in_passing(secret, kind):
    try:
        deeper(secret, kind)
    finally:
        deeper(secret, RuntimeError)

@sealed
def nested(secret, kind):
    plain(secret=secret, kind=kind)

@sealed
def asks(secret, users_own):
    return users_own(len(secret))
"""


def functions_of(package: str) -> dict[str, Any]:
    """Define OURS as a module of `package` would."""
    namespace: dict[str, Any] = {"__name__": f"{package}.pretended"}
    exec(compile(OURS, "<pretended>", "exec"), namespace)
    return namespace


PACKAGE = functions_of("minimax_sync")


def caught_from(function: object, kind: type[BaseException]) -> BaseException:
    assert callable(function)
    try:
        function("".join(["can", "ary"]), kind)
    except BaseException as error:
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        return error
    raise AssertionError("it raised nothing")


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("name", ["plain", "chained", "in_passing", "nested"])
@pytest.mark.parametrize("package", ["minimax_sync", "requests", "urllib3"])
def test_no_local_of_the_package_is_shown(package: str, name: str, kind: type[BaseException]) -> None:
    error = caught_from(functions_of(package)[name], kind)
    assert "deeper" in shown(error)
    assert CANARY not in shown(error)


def test_without_the_seal_they_would_be_shown() -> None:
    assert CANARY in shown(caught_from(PACKAGE["deeper"], ValueError))


class Stop(BaseException):
    """Passes every `except Exception`, as Ctrl-C does."""


def interrupted(*_: object, **__: object) -> Any:
    """Stand for any code of a user's that the library calls."""
    note = "this is mine"
    raise Stop(len(note))


class TheirAuth:
    bearer = force_refresh = staticmethod(interrupted)


class TheirAdapter(requests.adapters.BaseAdapter):
    send = staticmethod(interrupted)

    def close(self) -> None:
        """Hold nothing."""


def a_tool() -> str:
    """Take no argument."""
    return str(interrupted())


def an_iterator() -> Iterator[str]:
    yield "the first"
    interrupted()


def by_auth(url: str) -> None:
    with MiniMaxClient(base_url=url, auth=TheirAuth()) as client:
        client.chat("hi")


def by_hook(url: str) -> None:
    with MiniMaxClient("key", base_url=url, hooks=[interrupted]) as client:
        client.chat("hi")


def by_adapter(url: str) -> None:
    with requests.Session() as session, MiniMaxClient("key", base_url=url, session=session) as client:
        session.mount(url, TheirAdapter())
        client.chat("hi")


def by_session_hook(url: str) -> None:
    with requests.Session() as session, MiniMaxClient("key", base_url=url, session=session) as client:
        session.hooks["response"].append(interrupted)
        client.chat("hi")


def by_tool(url: str) -> None:
    with MiniMaxClient("key", base_url=url) as client:
        client.run_tools("call it", [a_tool])


def by_iterator(url: str) -> None:
    with MiniMaxClient("key", base_url=url) as client:
        list(client.map(an_iterator()))


@pytest.mark.parametrize("run", [by_auth, by_hook, by_adapter, by_session_hook, by_tool, by_iterator])
def test_the_locals_of_a_users_code_stay(run: Callable[[str], None]) -> None:
    with Emulator(api_key="key") as emulator:
        if run is by_tool:
            emulator.answer(tool_calls=[("a_tool", {})])
        with pytest.raises(Stop) as caught:
            run(emulator.base_url)
    theirs = [frame for frame, _ in traceback.walk_tb(caught.tb) if frame.f_code is interrupted.__code__]
    assert [frame.f_locals.get("note") for frame in theirs] == ["this is mine"]


def test_a_sealed_function_is_itself_otherwise() -> None:
    @sealed
    def add(a: int, b: int = 2) -> int:
        """Add."""
        return a + b

    assert add(1) == add(1, b=2) == 3
    assert (add.__name__, add.__doc__) == ("add", "Add.")


def test_causes_are_found_where_requests_and_urllib3_keep_them() -> None:
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    new = urllib3.exceptions.NewConnectionError(None, "no")  # type: ignore[arg-type]
    new.__cause__ = refused
    retried = urllib3.exceptions.MaxRetryError(None, "/secret", new)  # type: ignore[arg-type]
    assert list(causes(requests.ConnectionError(retried)))[1:] == [retried, new, refused]


def test_causes_end_where_they_go_in_circles() -> None:
    first, second = ValueError(), ValueError()
    first.__cause__, second.__cause__ = second, first
    assert list(causes(first)) == [first, second]


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        ssl.SSLCertVerificationError(1, "certificate verify failed"),
        TimeoutError(errno.ETIMEDOUT, "Connection timed out"),
    ],
)
def test_a_bare_error_has_its_kind_number_and_text_alone(error: OSError) -> None:
    try:
        raise error
    except OSError as raised:
        bare = bare_os_error(requests.ConnectionError(raised))
    assert bare is not None
    assert bare is not error
    assert (type(bare), bare.errno, bare.strerror) == (type(error), error.errno, error.strerror)
    assert bare.__traceback__ is None


def test_an_error_that_is_not_the_systems_has_no_bare_one() -> None:
    assert bare_os_error(requests.ConnectionError("lost")) is None
    assert bare_os_error(TimeoutError()) is None
