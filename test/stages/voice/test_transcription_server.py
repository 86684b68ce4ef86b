"""A server that transcribes as OpenAI's does, played on this machine."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from vla_sim.stages.voice.transcription_server import MOST_BYTES, TranscriptionServer

SOUND = np.zeros(1600, dtype=np.int16)


class Played(HTTPServer):
    status, body = 200, b""
    pause = 0.0
    """[s] before each byte of it, if any."""
    asked: tuple[str, bytes, str] = ("", b"", "")


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Played)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked = (self.path, body, self.headers.get("Authorization", ""))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        if not self.server.pause:
            self.wfile.write(self.server.body)
            return
        with contextlib.suppress(OSError):  # the client gives up
            for byte in self.server.body:
                time.sleep(self.server.pause)
                self.wfile.write(bytes([byte]))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def played() -> Iterator[Played]:
    server = Played(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def client(played: Played) -> TranscriptionServer:
    return TranscriptionServer(f"http://127.0.0.1:{played.server_port}/v1")


def test_a_recording_is_sent_and_its_text_is_heard(played: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-1234")
    played.body = b'{"text": " Go to the kitchen. "}'
    found = client(played).transcribe(SOUND)
    assert (found.text, found.confidence) == ("go to the kitchen", 0.6)
    path, body, key = played.asked
    assert path == "/v1/audio/transcriptions"
    assert b"RIFF" in body
    assert b'name="model"' in body
    assert key == "Bearer sk-test-1234"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"{}"), (200, b"no JSON"), (200, b"[]"), (200, b'{"text": 3}'), (404, b""),
        (200, b"[" * 50_000), (200, b'{"text": "caf\xe9"}'), (200, b'{"text": "%s"}' % (b"9" * 5000)),
        (200, b" " * (MOST_BYTES + 1) + b'{"text": "stop"}'),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_said_once_and_nothing_is_heard(
    played: Played, caplog: pytest.LogCaptureFixture, status: int, body: bytes
) -> None:
    played.status, played.body = status, body
    one = client(played)
    with caplog.at_level(logging.WARNING):
        assert one.transcribe(SOUND).text == one.transcribe(SOUND).text == ""
    assert [record.getMessage().count("does not transcribe") for record in caplog.records if "transcribe" in
            record.getMessage()] == [1]  # fmt: skip


def test_an_answer_without_end_is_given_up(played: Played) -> None:
    played.body, played.pause = b" " * 1000, 0.05
    one = TranscriptionServer(f"http://127.0.0.1:{played.server_port}/v1", timeout=0.5)
    begin = time.monotonic()
    assert one.transcribe(SOUND).text == ""
    assert time.monotonic() - begin < 10.0


def test_a_server_that_is_not_there_is_nothing_heard() -> None:
    assert TranscriptionServer("http://127.0.0.1:9/v1").transcribe(SOUND).text == ""
