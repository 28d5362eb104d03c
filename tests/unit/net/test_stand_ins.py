"""A replaced method or class is found at the next request, whenever it was replaced, and its end is, too."""

from __future__ import annotations

import functools
import http.client
import sys
from typing import Any
from unittest import mock

import pytest
import requests
import urllib3
from support.run_python import run_python

from minimax_sync.net.stand_ins import replaced

PLACES: list[tuple[Any, str]] = [
    (requests.Session, "send"),
    (requests.Session, "request"),
    (requests.Session, "get_adapter"),
    (requests, "Session"),
    (requests.adapters.HTTPAdapter, "send"),
    (urllib3.connectionpool.HTTPConnectionPool, "urlopen"),
    (urllib3.connectionpool.HTTPConnectionPool, "_make_request"),
    (urllib3.connectionpool.HTTPConnectionPool, "ConnectionCls"),
    (urllib3.connectionpool.HTTPSConnectionPool, "ConnectionCls"),
    (urllib3.connection.HTTPConnection, "request"),
    (urllib3.connection.HTTPConnection, "connect"),
    (http.client.HTTPConnection, "putrequest"),
    (http.client.HTTPConnection, "getresponse"),
    (http.client, "HTTPConnection"),
]


def wrapped(original: Any) -> Any:
    if isinstance(original, type):
        return type(original.__name__, (original,), {})

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize("by", [wrapped, lambda original: mock.MagicMock(original)], ids=["a wrapper", "a mock"])
@pytest.mark.parametrize(("owner", "name"), PLACES, ids=[f"{owner.__name__}.{name}" for owner, name in PLACES])
def test_a_replacement_is_detected_as_long_as_it_lasts(
    owner: Any, name: str, by: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert replaced() is None
    monkeypatch.setattr(owner, name, by(getattr(owner, name)))
    state = replaced()
    assert state is not None
    assert replaced() is state
    monkeypatch.undo()
    assert replaced() is None


def test_a_replacement_before_the_first_look_is_detected() -> None:
    code = """
        import requests
        send = requests.Session.send
        requests.Session.send = lambda *args, **kwargs: send(*args, **kwargs)
        from minimax_sync.net.stand_ins import replaced
        assert replaced()
        requests.Session.send = send
        assert not replaced()
    """
    run_python(code)


def test_without_requests_nothing_of_it_is_replaced() -> None:
    code = """
        import sys
        from minimax_sync.net.stand_ins import replaced
        assert not replaced()
        assert "requests" not in sys.modules
        import requests
        assert not replaced()
    """
    run_python(code)
    assert "requests" in sys.modules


IMPORT_HOOK = """
    import importlib.util, sys

    class Hook:
        '''Patches requests when the module in `sys.argv` is imported, as instrumentations do.'''
        is_asking = False

        def find_spec(self, name, path=None, target=None):
            if name != sys.argv[1] or self.is_asking:
                return None
            self.is_asking = True
            spec = importlib.util.find_spec(name)
            self.is_asking = False
            load = spec.loader.exec_module

            def exec_module(module):
                load(module)
                from requests import adapters
                send = adapters.HTTPAdapter.send
                adapters.HTTPAdapter.send = lambda *args, **kwargs: send(*args, **kwargs)

            spec.loader.exec_module = exec_module
            return spec
"""


@pytest.mark.parametrize("is_late", [False, True], ids=["before the first look", "after the first look"])
@pytest.mark.parametrize("module", ["requests", "requests.sessions"])
def test_an_import_hook_that_waits_for_requests_patches_it(module: str, is_late: bool) -> None:
    code = f"""{IMPORT_HOOK}
    from minimax_sync.net.stand_ins import replaced
    if {is_late}:
        assert not replaced()
        assert "requests" not in sys.modules
    sys.meta_path.insert(0, Hook())
    assert replaced()
    assert replaced()
    """
    run_python(code, module)


def test_finders_of_any_kind_are_looked_at() -> None:
    code = """
    import sys, types
    from minimax_sync.net.stand_ins import replaced
    finder = types.ModuleType("a_module_that_finds")
    finder.find_spec = lambda name, path=None, target=None: None
    sys.meta_path.append(finder)
    assert not replaced()
    assert "requests" in sys.modules
    """
    run_python(code)


def test_a_look_while_the_interpreter_shuts_down_does_no_harm() -> None:
    code = """
    import sys
    from minimax_sync.net.stand_ins import replaced
    sys.meta_path = None
    assert not replaced()
    assert not replaced()
    """
    run_python(code)


@pytest.mark.parametrize("module", ["six", "_distutils_hack", "__editable___their_package_1_0_finder", "_virtualenv"])
def test_the_finder_of_a_package_manager_does_not_load_requests(module: str) -> None:
    code = f"""{IMPORT_HOOK}
    from minimax_sync.net.stand_ins import replaced
    Hook.__module__ = sys.argv[1]
    sys.meta_path.insert(0, Hook())
    assert not replaced()
    assert "requests" not in sys.modules
    """
    run_python(code, module)
