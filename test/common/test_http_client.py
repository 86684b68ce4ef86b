"""A server may send what it wants for as long as it wants: its answer is read within bounds."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from installed import needs

from vla_sim.common.http_client import open_client, post

needs("httpx2", "the HTTP client (pip install httpx2) is not installed")

import httpx2  # noqa: E402

MOST = 10_000
LARGE = 64_000_000


class Server(ThreadingHTTPServer):
    """pieces: of each answer. pause: [s] between two. sent: bytes that left."""

    def __init__(self, *pieces, pause=0.0):
        outer = self
        self.sent = 0

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.end_headers()
                try:
                    for piece in pieces:
                        self.wfile.write(piece)
                        self.wfile.flush()
                        outer.sent += len(piece)
                        time.sleep(pause)
                except OSError:  # nobody listens any more
                    pass

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/x"
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


def ask(server, seconds=30.0):
    with open_client(httpx2.Client, server.url, {}, seconds) as client:
        return post(client, server.url, MOST, seconds, content=b"question")


def test_an_answer_is_read_whole():
    with Server(b"a" * 100, b"b" * 100) as server:
        assert ask(server) == b"a" * 100 + b"b" * 100


def test_of_an_answer_that_is_too_long_no_more_is_read():
    with Server(*[b" " * 100_000] * (LARGE // 100_000)) as server:
        with pytest.raises(httpx2.ReadError, match=f"longer than {MOST} bytes"):
            ask(server)
        assert server.sent < LARGE / 2


def test_a_server_that_keeps_the_line_alive_is_given_up():
    with (
        Server(*[b" "] * 100, pause=0.02) as server,
        pytest.raises(httpx2.ReadTimeout, match=r"within 0\.5 s"),
    ):
        ask(server, 0.5)


def test_an_error_of_the_server_is_none_of_its_answers():
    with Server() as server:
        server.RequestHandlerClass.do_POST = lambda self: self.send_error(501)  # type: ignore[attr-defined]
        with pytest.raises(httpx2.HTTPStatusError, match="501"):
            ask(server)


def test_what_is_asked_for_is_not_compressed():
    with open_client(httpx2.Client, "http://127.0.0.1:9", {"X": "y"}, 1.0) as client:
        assert client.headers["accept-encoding"] == "identity"
        assert client.headers["x"] == "y"
