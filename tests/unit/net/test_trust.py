"""TLS contexts: one per source, checked or not, and errors that name the source."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from support.raw_server import Certificate

from minimax_sync.errors import ConfigError
from minimax_sync.net.trust import tls_context


def test_a_source_is_loaded_once_and_a_users_context_is_used_as_it_is(tmp_path: Path) -> None:
    file = Certificate.make(tmp_path).file
    assert tls_context(file) is tls_context(Path(file))
    assert tls_context() is tls_context(True) is not tls_context(file)
    own = ssl.create_default_context()
    assert tls_context(own) is own
    assert tls_context(file).verify_mode == ssl.CERT_REQUIRED
    unchecked = tls_context(False)
    assert (unchecked.verify_mode, unchecked.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_file_that_cannot_be_loaded_is_named_with_its_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "/none/ca.pem")
    with pytest.raises(ConfigError, match=rf"{name}: no certificates can be loaded from /none/ca\.pem"):
        tls_context()
    with pytest.raises(ConfigError, match=r"verify: no certificates can be loaded from /none/other\.pem"):
        tls_context("/none/other.pem")
