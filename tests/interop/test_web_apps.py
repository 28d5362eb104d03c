"""Web frameworks return an answer as JSON through `to_dict`."""

from __future__ import annotations

from typing import Any

import fastapi
import flask
from fastapi.testclient import TestClient

from minimax_sync import ChatResponse, MiniMaxClient


def test_fastapi_returns_an_answer_as_json(client: MiniMaxClient) -> None:
    app = fastapi.FastAPI()

    @app.post("/chat")
    def chat(text: str) -> dict[str, Any]:
        return client.chat(text).to_dict()

    answer = TestClient(app).post("/chat", params={"text": "hi"}).json()
    assert ChatResponse.from_dict(answer).text == 'You said: "hi".'


def test_flask_returns_an_answer_as_json(client: MiniMaxClient) -> None:
    app = flask.Flask(__name__)

    @app.get("/chat/<text>")
    def chat(text: str) -> dict[str, Any]:
        return client.chat(text).to_dict()

    answer = app.test_client().get("/chat/hi").get_json()
    assert ChatResponse.from_dict(answer).text == 'You said: "hi".'
