"""Each fault, as a client meets it on the wire."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any

import pytest
from support.emulator_calls import ANTHROPIC, BODIES, CHAT, OPENAI, WIRES, anthropic, get, openai, opened, post, text_of

from minimax_sync.emulator import Emulator


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        ({"status": 400}, "bad_request_error", "invalid params (2013)"),
        ({"status": 401}, "authorized_error", "Please carry the API secret key"),
        ({"status": 403}, "permission_error", "forbidden"),
        ({"status": 408}, "timeout_error", "request timeout"),
        ({"status": 422}, "unprocessable_entity_error", "input new_sensitive (1026)"),
        ({"status": 429}, "rate_limit_error", "rate limit exceeded(RPM) (1002)"),
        ({"status": 429, "code": 1008}, "insufficient_balance_error", "insufficient balance (1008)"),
        ({"status": 500, "code": 1008}, "api_error", "insufficient balance (1008)"),
        ({"status": 500}, "api_error", "system error (1033)"),
        ({"status": 503}, "api_error", "service unavailable"),
        ({"status": 529}, "overloaded_error", "high load"),
        ({"status": 500, "code": 2061, "message": "no M2.7 for you"}, "api_error", "no M2.7 for you (2061)"),
    ],
)
@WIRES
def test_a_status_comes_in_the_envelope_of_both_wires(
    minimax_emulator: Emulator, path: str, fault: dict[str, Any], kind: str, message: str
) -> None:
    minimax_emulator.fault(**fault)
    answer = post(minimax_emulator, path, BODIES[path]())
    error = answer.value["error"]
    assert (answer.status, error["http_code"], error["type"]) == (fault["status"], str(fault["status"]), kind)
    assert message in error["message"]
    assert post(minimax_emulator, path, BODIES[path]()).status == 200


def test_an_exhausted_plan_names_the_time_of_its_reset(minimax_emulator: Emulator) -> None:
    minimax_emulator.fault(status=429, code=2056)
    message = post(minimax_emulator, ANTHROPIC, anthropic()).value["error"]["message"]
    instant = message.partition("resets at ")[2].removesuffix(" (2056)")
    assert 17_000 < time.mktime(time.strptime(instant, "%Y-%m-%dT%H:%M:%SZ")) - time.mktime(time.gmtime()) <= 18_000


def test_an_unknown_path_and_404_are_plain_text(minimax_emulator: Emulator) -> None:
    minimax_emulator.fault(status=404)
    for path in (OPENAI, "/v1/messages", "/anthropic/v1/messages/batches"):
        answer = post(minimax_emulator, path, CHAT)
        assert (answer.status, answer.body) == (404, b"404 page not found")
        assert answer.headers["content-type"] == "text/plain"


@pytest.mark.parametrize("retry_after", [3, 0.5, "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_retry_after_goes_out_as_it_is(minimax_emulator: Emulator, retry_after: float | str) -> None:
    minimax_emulator.fault(status=429, retry_after=retry_after)
    assert post(minimax_emulator, OPENAI, CHAT).headers["retry-after"] == str(retry_after)


def test_a_code_alone_is_a_200_without_choices_on_the_openai_wire(minimax_emulator: Emulator) -> None:
    minimax_emulator.fault(code=1008)
    answer = post(minimax_emulator, OPENAI, CHAT)
    assert (answer.status, answer.value["choices"]) == (200, None)
    assert answer.value["base_resp"] == {"status_code": 1008, "status_msg": "insufficient balance"}


def test_a_code_alone_is_the_first_event_of_a_stream(minimax_emulator: Emulator) -> None:
    minimax_emulator.fault(code=1002)
    [event] = post(minimax_emulator, OPENAI, openai(stream=True)).events
    assert (event["choices"], event["base_resp"]["status_code"]) == (None, 1002)


def test_a_code_alone_has_its_own_status_on_the_anthropic_wire(minimax_emulator: Emulator) -> None:
    minimax_emulator.fault(code=1008)
    answer = post(minimax_emulator, ANTHROPIC, anthropic())
    assert (answer.status, answer.value["error"]["message"]) == (500, "insufficient balance (1008)")


def test_a_code_reaches_the_quota_and_the_embeddings_too(minimax_emulator: Emulator) -> None:
    minimax_emulator.fault(code=1000)
    minimax_emulator.fault(code=1001)
    quota = get(minimax_emulator, "/v1/token_plan/remains")
    assert (quota.status, quota.value["base_resp"]["status_code"]) == (200, 1000)
    vectors = post(minimax_emulator, "/v1/embeddings", {"model": "embo-01", "type": "db", "texts": ["a"]})
    assert (vectors.value["vectors"], vectors.value["base_resp"]["status_code"]) == (None, 1001)


@WIRES
def test_a_truncated_stream_ends_cleanly_without_its_end(minimax_emulator: Emulator, path: str) -> None:
    minimax_emulator.answer("A few words.")
    minimax_emulator.fault("truncate")
    events = post(minimax_emulator, path, BODIES[path](stream=True)).events
    assert text_of(events) == "A few "
    assert not any(_is_terminal(event) for event in events)


@WIRES
def test_a_truncated_body_is_shorter_than_announced(minimax_emulator: Emulator, path: str) -> None:
    minimax_emulator.fault("truncate")
    with pytest.raises(http.client.IncompleteRead) as caught:
        post(minimax_emulator, path, BODIES[path]())
    assert len(caught.value.partial) > 50


@WIRES
@pytest.mark.parametrize("stream", [False, True])
def test_a_disconnect_leaves_no_byte_and_keeps_the_answer(minimax_emulator: Emulator, path: str, stream: bool) -> None:
    minimax_emulator.answer("kept")
    minimax_emulator.fault("disconnect")
    with pytest.raises(http.client.RemoteDisconnected):
        post(minimax_emulator, path, BODIES[path](stream=stream))
    assert b"kept" in post(minimax_emulator, path, BODIES[path]()).body


@WIRES
@pytest.mark.parametrize("stream", [False, True])
def test_a_reset_comes_half_way(minimax_emulator: Emulator, path: str, stream: bool) -> None:
    minimax_emulator.fault("reset")
    request, read = BODIES[path](stream=stream), bytearray()
    with opened(minimax_emulator, path, request) as (_, response), pytest.raises(ConnectionResetError):
        while piece := response.read1():
            read += piece
    assert response.status == 200
    whole_events = read.decode().split("\n\n")[:-1]
    assert bool(whole_events) == stream
    assert not any(_is_terminal(json.loads(event.partition("data: ")[2])) for event in whole_events)


@WIRES
@pytest.mark.parametrize("stream", [False, True])
def test_a_stall_sends_headers_and_then_nothing(minimax_emulator: Emulator, path: str, stream: bool) -> None:
    minimax_emulator.answer("kept")
    minimax_emulator.fault("stall")
    with opened(minimax_emulator, path, BODIES[path](stream=stream)) as (connection, response):
        assert response.status == 200
        assert response.headers["content-type"].startswith("text/event-stream" if stream else "application/json")
        assert connection.sock is not None
        connection.sock.settimeout(0.03)
        with pytest.raises(TimeoutError):
            response.read1(1)
    assert b"kept" in post(minimax_emulator, path, BODIES[path]()).body


@WIRES
@pytest.mark.parametrize("stream", [False, True])
def test_a_page_of_html_comes_with_200(minimax_emulator: Emulator, path: str, stream: bool) -> None:
    minimax_emulator.fault("html")
    answer = post(minimax_emulator, path, BODIES[path](stream=stream))
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.body.startswith(b"<!DOCTYPE html>")


def test_an_error_in_a_stream_of_the_openai_wire_is_a_chunk_without_choices(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer("A few words.")
    minimax_emulator.fault("error_event")
    *events, last = post(minimax_emulator, OPENAI, openai(stream=True)).events
    assert text_of(events) == "A few "
    assert (last["choices"], last["base_resp"]) == (None, {"status_code": 1033, "status_msg": "system error"})


def test_an_error_in_a_stream_of_the_anthropic_wire_is_an_error_event(minimax_emulator: Emulator) -> None:
    minimax_emulator.answer("A few words.")
    minimax_emulator.fault("error_event", code=1002)
    answer = post(minimax_emulator, ANTHROPIC, anthropic(stream=True))
    *events, last = answer.events
    assert text_of(events) == "A few "
    assert b"event: error\n" in answer.body
    assert (last["type"], last["error"]["message"]) == ("error", "rate limit exceeded(RPM) (1002)")


@WIRES
def test_an_error_event_of_a_whole_answer_is_its_envelope(minimax_emulator: Emulator, path: str) -> None:
    minimax_emulator.fault("error_event")
    assert post(minimax_emulator, path, BODIES[path]()).value["error"]["http_code"] == "500"


@pytest.mark.parametrize(
    ("body", "sent"), [(b"\xff\x00", b"\xff\x00"), ("not json", b"not json"), ({"choices": []}, b'{"choices":[]}')]
)
def test_a_body_of_the_users_goes_out_as_it_is(minimax_emulator: Emulator, body: Any, sent: bytes) -> None:
    minimax_emulator.fault(body=body, headers={"X-Mark": "1"})
    answer = post(minimax_emulator, OPENAI, CHAT)
    assert (answer.status, answer.body, answer.headers["x-mark"]) == (200, sent, "1")


def test_a_redirect_names_where_to_and_nothing_else(minimax_emulator: Emulator) -> None:
    minimax_emulator.fault(status=307, headers={"Location": "http://127.0.0.2/"})
    answer = post(minimax_emulator, OPENAI, CHAT)
    assert (answer.status, answer.headers["location"], answer.body) == (307, "http://127.0.0.2/", b"")


def test_faults_come_in_the_order_they_were_queued_whatever_the_path(minimax_emulator: Emulator) -> None:
    minimax_emulator.fault(status=500)
    minimax_emulator.fault(status=429)
    statuses = [get(minimax_emulator, "/v1/models").status, post(minimax_emulator, OPENAI, CHAT).status]
    assert statuses == [500, 429]
    assert post(minimax_emulator, OPENAI, CHAT).status == 200


def test_an_unknown_fault_is_an_error_at_once(minimax_emulator: Emulator) -> None:
    with pytest.raises(ValueError, match=r"unknown fault 'explode': use one of truncate, disconnect"):
        minimax_emulator.fault("explode")


def test_a_status_may_come_first_and_is_429_by_default(minimax_emulator: Emulator) -> None:
    minimax_emulator.fault(503)
    minimax_emulator.fault(retry_after=7)
    assert post(minimax_emulator, OPENAI, CHAT).status == 503
    answer = post(minimax_emulator, OPENAI, CHAT)
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")


@pytest.mark.parametrize(
    ("calls", "error", "words"),
    [(["look"], ValueError, r"tool_calls\[0\] must be a pair"), ([("look", 3)], TypeError, r"tool_calls\[0\] must be")],
)
def test_invalid_tool_calls_are_an_error_at_once(
    minimax_emulator: Emulator, calls: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        minimax_emulator.answer(tool_calls=calls)


def _is_terminal(event: Any) -> bool:
    return event.get("type") in ("message_delta", "message_stop") or any(
        "finish_reason" in choice for choice in event.get("choices") or []
    )
