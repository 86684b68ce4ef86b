"""A server that speaks OpenAI's chat completions and answers from a script instead of a model: to test
a client against good plans, slow ones, errors, cut connections and nonsense, without a network.

    python -m vla_sim.language.scripted_llm --port 8090 good slow error500
"""

from __future__ import annotations

import argparse
import contextlib
import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BEHAVIOURS = (
    "good", "slow", "slow_end", "error401", "error429", "error500", "cut", "cut_stream", "invalid_json",
    "wrong_schema", "unknown_name", "empty", "not_json",
)  # fmt: skip
"""good: `plan`. slow: `plan` after `delay`. slow_end: half of `plan` at once, the rest after `delay`.
error...: that status, 429 with `retry_after`. cut: the connection breaks in the middle of the answer;
cut_stream: in the middle of a stream. invalid_json, wrong_schema, unknown_name: a completion whose content
is cut JSON, other JSON, a plan with a place that no world has. empty: no content. not_json: an HTML page."""
TOKEN = 4
"""Characters in a token of its streams."""
HEAD = {"id": "scripted", "object": "chat.completion", "created": 0, "model": "scripted"}
STREAM = HEAD | {"object": "chat.completion.chunk"}
GO_HOME = '{"steps":[{"skill":"navigate","place":"kitchen"}]}'


class ScriptedLlm:
    """Answers each request with the next behaviour of `script`; the last one repeats.

    A behaviour is one of `BEHAVIOURS` or the content of a completion. delay [s]: of the slow ones.
    retry_after [s]: what error429 asks for. `requests`: the bodies received. A request for a stream is
    answered by one. Use it in a `with`, or call `start` and `close`.
    """

    def __init__(
        self, script: Sequence[str] = ("good",), plan: str = GO_HOME, delay: float = 10.0, port: int = 0,
        retry_after: float | None = None,
    ) -> None:  # fmt: skip
        self.script = list(script)
        self.plan = plan
        self.delay = delay
        self.retry_after = retry_after
        self.requests: list[dict[str, Any]] = []
        self._closing = threading.Event()
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def start(self) -> ScriptedLlm:
        self._thread.start()
        return self

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> ScriptedLlm:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def answer(self, http: BaseHTTPRequestHandler) -> None:
        """One request: called by the HTTP handler in its own thread."""
        body = http.rfile.read(int(http.headers.get("Content-Length", 0)))
        with self._lock:
            self.requests.append(json.loads(body))
            behaviour = self.script[min(len(self.requests), len(self.script)) - 1]
            streamed = bool(self.requests[-1].get("stream"))
        if http.path != "/v1/chat/completions":
            self._send(http, 404, b'{"error":{"message":"no such path"}}')
        elif behaviour == "slow":
            self._closing.wait(self.delay)
            self._complete(http, self.plan, streamed)
        elif behaviour.startswith("error"):
            headers = {}
            if behaviour == "error429" and self.retry_after is not None:
                headers["Retry-After"] = f"{self.retry_after:g}"
            body = b'{"error":{"message":"scripted error"}}'
            self._send(http, int(behaviour[-3:]), body, headers=headers)
        elif behaviour in ("slow_end", "cut_stream"):
            self._stream(http, self.plan, behaviour)
        elif behaviour == "cut":
            http.send_response(200)
            http.send_header("Content-Type", "application/json")
            http.send_header("Content-Length", "1000")
            http.end_headers()
            http.wfile.write(b'{"id": "half an ans')
            http.close_connection = True
        elif behaviour == "not_json":
            self._send(http, 200, b"<html>Welcome</html>", "text/html")
        else:
            self._complete(http, self._content(behaviour), streamed)

    def _content(self, behaviour: str) -> str | None:
        return {
            "good": self.plan,
            "invalid_json": self.plan[: len(self.plan) // 2],
            "wrong_schema": '{"plan": "walk around a bit"}',
            "unknown_name": '{"steps":[{"skill":"navigate","place":"the moon"}]}',
            "empty": None,
        }.get(behaviour, behaviour)

    def _complete(self, http: BaseHTTPRequestHandler, content: str | None, streamed: bool) -> None:
        if streamed:
            self._stream(http, content or "")
            return
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 400, "completion_tokens": _tokens(content or ""), "total_tokens": 0}
        self._send(http, 200, json.dumps(HEAD | {"choices": [choice], "usage": usage}).encode())

    def _stream(self, http: BaseHTTPRequestHandler, content: str, behaviour: str = "") -> None:
        """Server-sent events, a token each: https://platform.openai.com/docs/api-reference/chat-streaming"""
        half = len(content) // 2
        try:
            http.protocol_version = "HTTP/1.1"
            http.send_response(200)
            http.send_header("Content-Type", "text/event-stream")
            http.send_header("Transfer-Encoding", "chunked")
            http.end_headers()
            for begin in range(0, len(content), TOKEN):
                if behaviour and begin >= half:
                    if behaviour == "cut_stream":
                        http.close_connection = True
                        return
                    self._closing.wait(self.delay)
                    behaviour = ""
                delta = {"index": 0, "delta": {"content": content[begin : begin + TOKEN]}}
                self._event(http, json.dumps(STREAM | {"choices": [delta]}))
            usage = {"prompt_tokens": 400, "completion_tokens": _tokens(content), "total_tokens": 0}
            self._event(http, json.dumps(STREAM | {"choices": [], "usage": usage}))
            self._event(http, "[DONE]")
            http.wfile.write(b"0\r\n\r\n")
        except OSError:  # the client gave up first
            http.close_connection = True

    @staticmethod
    def _event(http: BaseHTTPRequestHandler, data: str) -> None:
        line = f"data: {data}\n\n".encode()
        http.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))

    @staticmethod
    def _send(
        http: BaseHTTPRequestHandler, status: int, body: bytes, kind: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        try:
            http.send_response(status)
            http.send_header("Content-Type", kind)
            http.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                http.send_header(name, value)
            http.end_headers()
            http.wfile.write(body)
        except OSError:  # the client gave up first
            http.close_connection = True


def _tokens(content: str) -> int:
    return -(-len(content) // TOKEN)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("script", nargs="*", default=["good"], help=f"any of {', '.join(BEHAVIOURS)}")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    with ScriptedLlm(given.script, port=given.port) as server:
        print(server.base_url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
