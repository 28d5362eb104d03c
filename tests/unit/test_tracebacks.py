"""A sealed function lets no local out with its exceptions, whatever they are chained to."""

from __future__ import annotations

import errno
import socket
import ssl
import traceback

import pytest
import requests
import urllib3

from minimax_sync.tracebacks import bare_os_error, causes, sealed

CANARY = "canary"


def shown(error: BaseException) -> str:
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(report.format())


def deeper(secret: str, kind: type[BaseException]) -> None:
    held = [secret]
    raise kind(f"of {len(held)}")


@sealed
def plain(secret: str, kind: type[BaseException]) -> None:
    deeper(secret, kind)


@sealed
def chained(secret: str, kind: type[BaseException]) -> None:
    try:
        deeper(secret, kind)
    except BaseException as error:
        held = secret * 2
        raise ValueError(f"of {len(held)}") from error


@sealed
def in_passing(secret: str, kind: type[BaseException]) -> None:
    try:
        deeper(secret, kind)
    finally:
        deeper(secret, RuntimeError)


@sealed
def nested(secret: str, kind: type[BaseException]) -> None:
    plain(secret=secret, kind=kind)


def caught_from(function: object, kind: type[BaseException]) -> BaseException:
    assert callable(function)
    try:
        function("".join(["can", "ary"]), kind)
    except BaseException as error:
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        return error
    raise AssertionError("it raised nothing")


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
@pytest.mark.parametrize("function", [plain, chained, in_passing, nested])
def test_no_local_is_shown(function: object, kind: type[BaseException]) -> None:
    error = caught_from(function, kind)
    assert "deeper" in shown(error)
    assert CANARY not in shown(error)


def test_without_the_seal_they_would_be_shown() -> None:
    assert CANARY in shown(caught_from(deeper, ValueError))


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
