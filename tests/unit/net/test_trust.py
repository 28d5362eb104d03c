"""TLS contexts: one per source, checked or not, and errors that name the source."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from support.http_lab import failure, post
from support.raw_server import Certificate, RawServer, echo

from minimax_sync.errors import ConfigError, TransportError
from minimax_sync.net.session import Http
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


VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("other"))


def is_trusted(certificate: Certificate, **options: Any) -> bool:
    http = Http(**options)
    with RawServer(echo, certificate) as server:
        try:
            return post(http, server.url, b"x").read() == b"x"
        except TransportError as error:
            assert "is not accepted" in str(error)
            return False
        finally:
            http.close()


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_variable_names_the_authority(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    assert not is_trusted(certificate)
    monkeypatch.setenv(variable, certificate.file)
    assert is_trusted(certificate)


def test_the_systems_authorities_do_not_replace_certifis(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = len(tls_context().get_ca_certs())
    assert alone > 50
    monkeypatch.setenv("SSL_CERT_FILE", certificate.file)
    assert len(tls_context().get_ca_certs()) > 50


def test_requests_ca_bundle_replaces_all_others(
    certificate: Certificate, other: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificate.file)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", other.file)
    assert not is_trusted(certificate)
    assert is_trusted(other)


def contexts_of(certificate: Certificate) -> dict[str, Any]:
    return {
        "a path": certificate.file,
        "a Path": Path(certificate.file),
        "False": False,
        "a context": ssl.create_default_context(cafile=certificate.file),
    }


@pytest.mark.parametrize("kind", ["a path", "a Path", "False", "a context"])
def test_verify_outranks_the_environment(
    certificate: Certificate, other: Certificate, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", other.file)
    assert is_trusted(certificate, verify=contexts_of(certificate)[kind])
    assert not is_trusted(certificate, verify=True)


def test_a_context_cannot_be_combined_with_a_session() -> None:
    import requests

    with pytest.raises(ConfigError, match="mount an adapter"):
        Http(requests.Session(), verify=ssl.create_default_context())


def test_a_server_that_demands_a_client_certificate_is_understood(certificate: Certificate, own: Http) -> None:
    with RawServer(echo, certificate, client_authority=certificate.file) as server:
        http = Http(verify=certificate.file)
        error = failure(http, server.url)
        assert type(error) is TransportError
        assert "client certificate" in str(error)
        assert error.budget is None
        context = ssl.create_default_context(cafile=certificate.file)
        context.load_cert_chain(certificate.file, certificate.key)
        http = Http(verify=context)
        assert post(http, server.url, b"x").read() == b"x"
        http.close()
