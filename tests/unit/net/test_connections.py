"""A connection: the request on the wire, interim answers, and its sockets in a forked child."""

from __future__ import annotations

import os
import socket
from time import monotonic
from typing import Any, cast

import pytest
from support.raw_server import Peer, RawServer, answer
from urllib3.exceptions import NewConnectionError

from minimax_sync.net.connections import Connection, abandon, open_sockets
from minimax_sync.net.deadlines import Deadlines


def connected(server: RawServer) -> Connection:
    connection = Connection(server.address, server.port)
    connection.begin(Deadlines(monotonic() + 10, idle_timeout=5, connect_timeout=5))
    connection.connect()
    return connection


def test_a_request_is_written_as_it_is_and_interim_answers_are_skipped() -> None:
    def script(peer: Peer) -> None:
        request = peer.read_request()
        peer.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", answer(request.body))

    with RawServer(script) as server:
        before = open_sockets()
        connection = connected(server)
        assert open_sockets() == before + 1
        connection.send_request("POST", "/path?a=1", {"Host": "h", "Content-Length": "4"}, b"body")
        reply = connection.receive_head("POST", cast(Any, None))
        assert (reply.status, reply.read()) == (200, b"body")
        connection.close()
    (request,) = server.requests
    assert (request.line, request.headers["host"], request.body) == ("POST /path?a=1 HTTP/1.1", "h", b"body")


def test_an_abandoned_socket_is_closed_here_and_stays_open_for_others() -> None:
    ours, theirs = socket.socketpair()
    copy = os.dup(ours.fileno())
    abandon(ours)
    assert ours.fileno() == -1
    os.write(copy, b"still there")
    assert theirs.recv(100) == b"still there"
    os.close(copy)
    theirs.close()


def test_a_refused_connection_is_an_error_of_the_system() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    connection = Connection("127.0.0.1", port)
    connection.begin(Deadlines(monotonic() + 10, idle_timeout=5, connect_timeout=5))
    with pytest.raises((ConnectionRefusedError, NewConnectionError)):
        connection.connect()
