"""The page's server: one port, a thread of its own, and nothing slow in it.

What the page shows comes from whoever has the state (`show`, `show_picture`, from any thread), and each
viewer gets of it what is new to it, as fast as it takes it and no faster. What the page asks for goes to
`Answers`. A stop is asked for in this thread, at once, whatever the thread with the state is doing.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from vla_sim.common.errors import StackError, VlaSimError
from vla_sim.view import snapshot
from vla_sim.view.actions import Action, decode_action
from vla_sim.view.door import Door
from vla_sim.view.scene_proxy import SceneProxy

HERE = Path(__file__).parent
PAGES = {
    "/": ("static/index.html", "text/html"),
    "/page.css": ("static/page.css", "text/css"),
    "/icon.svg": ("static/icon.svg", "image/svg+xml"),
    **{f"/{name}.js": (f"static/{name}.js", "text/javascript") for name in (
        "page", "connection", "panels", "map", "camera", "speech", "microphone", "faults", "replay",
        "scene_camera",
    )},
}  # fmt: skip
"""Files of the page; no others are served."""
MOST_BYTES = 65_536
"""Of one message from a browser."""
MOST_VIEWERS = 16
HEARTBEAT = 20.0
"""[s] between signs of life, so that a viewer that has gone is not kept; half of it is given for an answer,
which takes seconds where a browser draws in software on busy cores."""
BEAT = 1.0
"""[s] after which a viewer to whom nothing is new is sent an empty message: by silence a page knows that the
line is lost, of which a browser is not told where a network or this machine has gone."""
OLD = 3.0
"""[s] after which what was shown last counts as old."""
SEND_TIMEOUT = 10.0
"""[s] that a viewer may take for one message; then it is let go, and comes again by itself."""
ANSWER_TIMEOUT = 30.0
"""[s] for what was asked for to be answered: a node that is killed on purpose is waited for."""
START_TIMEOUT = 10.0  # [s]
CLOSE_TIMEOUT = 2.0  # [s]
OWN = (
    "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'"
)
"""What the page may load: nothing from elsewhere."""
SCENE = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; worker-src 'self' blob: data:; connect-src 'self' data: blob:; "
    "frame-ancestors 'self'; base-uri 'none'"
)
"""And the 3D scene's client, which is one file with script and style in it."""


class Answers(Protocol):
    """What the page asks for. All but `act` is called in the server's thread and must not wait."""

    def about(self) -> Mapping[str, Any]:
        """What does not change while the page is open."""

    def stop(self) -> None:
        """Stop, now. Raises `VlaSimError` where there is nothing to stop."""

    def act(self, action: Action) -> Future[str]:
        """Do something; what came of it, in words. The future raises `VlaSimError` with why it is refused."""

    def hear(self, samples: bytes) -> None:
        """16 bit, mono, 16 kHz."""

    def looked_at(self, viewers: int, pictures: int) -> None:
        """How many look, and how many of them at the camera's picture."""


@dataclass(eq=False)
class Viewer:
    """An open page. sent: the sections that it has. looks: whether the page is to be seen at all. picture:
    which one it has. news: there may be something new to it. told: when something was sent to it last [s]."""

    socket: web.WebSocketResponse
    sent: dict[str, bytes] = field(default_factory=dict)
    looks: bool = True
    pictures: bool = False
    picture: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    told: float = 0.0


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """What a page tells of itself. looks: it is to be seen; pictures: so is the camera's."""

    looks: bool = True
    pictures: bool = False


_wish = msgspec.json.Decoder(Wish)


class Server:
    """Serves from `start` to `close`. outlived: the run goes on without it; else a page takes its end
    for the run's. old: sections that stand for those of a state that is `OLD`, where it goes on by itself."""

    def __init__(
        self, answers: Answers, door: Door, port: int, log: Callable[[str], object] = lambda text: None,
        *, outlived: bool = False, old: Mapping[str, bytes] | None = None,
    ) -> None:  # fmt: skip
        self._answers, self._door, self._port, self._log = answers, door, port, log
        self._goodbye = b"" if outlived else b"ended"
        self._scene: SceneProxy | None = None
        self._cookie = f"vla_sim_view_{port}"
        self._viewers: set[Viewer] = set()
        self._sections: dict[str, bytes] = {}
        self._old, self._shown, self._looking = old or {}, 0.0, 0
        self._picture, self._pictures = b"", 0
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)

    def start(self) -> None:
        """Raises `StackError` where the port is taken."""
        self._thread.start()
        self._started.result(START_TIMEOUT)

    def embed(self, host: str, port: int) -> None:
        """Show the 3D scene, whose own server is there, under /scene/."""
        self._scene = SceneProxy(host, port)

    def close(self) -> None:
        """Idempotent."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join(CLOSE_TIMEOUT)

    def show(self, sections: dict[str, bytes]) -> None:
        """The newest state, in JSON by section. For any thread."""
        self._post(self._take, sections)

    def show_picture(self, about: Any, jpeg: bytes) -> None:
        """The camera's newest picture. For any thread."""
        head = snapshot.encode(about)
        self._post(self._take_picture, struct.pack("<I", len(head)) + head + jpeg)

    def _post(self, call: Callable[[Any], None], value: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, value)

    def _take(self, sections: dict[str, bytes]) -> None:
        self._sections, self._shown = sections, self._loop.time()
        self._wake()

    def _take_picture(self, picture: bytes) -> None:
        self._picture, self._pictures = picture, self._pictures + 1
        self._wake()

    def _wake(self) -> None:
        for viewer in self._viewers:
            viewer.news.set()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:
            if not self._started.done():
                self._started.set_exception(error)
            else:
                self._log(f"the page's server has ended: {error}")
        finally:
            self._loop.run_until_complete(_end_all(self._loop))
            self._loop.close()

    async def _serve(self) -> None:
        app = web.Application(middlewares=[self._guard], client_max_size=MOST_BYTES)
        for path in PAGES:
            app.router.add_get(path, self._file)
        app.router.add_post("/login", self._login)
        app.router.add_get("/about", self._about)
        app.router.add_get("/state", self._state)
        app.router.add_get("/audio", self._audio)
        app.router.add_post("/stop", self._stop)
        app.router.add_post("/do", self._do)
        app.router.add_get("/scene{path:(/.*)?}", self._show_scene)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._door.host, self._port).start()
        except OSError as error:
            raise StackError(
                f"the page cannot be served at {self._door.host}:{self._port}: {error.strerror or error}; "
                "choose another with --view-port"
            ) from None
        self._started.set_result(None)
        try:
            await self._closing.wait()
            for viewer in list(self._viewers):
                await viewer.socket.close(code=WSCloseCode.GOING_AWAY, message=self._goodbye)
        finally:
            await runner.cleanup()
            if self._scene is not None:
                await self._scene.close()

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Every request goes through here."""
        header = request.headers.get("Host", "")
        if not self._door.host_allowed(header):
            raise web.HTTPForbidden(text="this server is asked for by its address or localhost alone\n")
        sends = request.method != "GET" or request.headers.get("Upgrade", "").lower() == "websocket"
        if sends and not self._door.origin_allowed(request.headers.get("Origin"), header):
            raise web.HTTPForbidden(text="only this server's own page may send something\n")
        free = request.path in PAGES or request.path == "/login"
        if not free and not self._door.may_look(request.cookies, self._cookie):
            raise web.HTTPUnauthorized(text="open the page with the token that was printed\n")
        response = await handler(request)
        if not response.prepared:
            _harden(response, SCENE if request.path.startswith("/scene") else OWN)
        return response

    async def _file(self, request: web.Request) -> web.Response:
        name, kind = PAGES[request.path]
        text = (HERE / name).read_text("utf-8")
        return web.Response(text=text, content_type=kind, charset="utf-8")

    async def _login(self, request: web.Request) -> web.Response:
        given = await request.text()
        if not self._door.token_right(given):
            await asyncio.sleep(0.2)
            raise web.HTTPUnauthorized(text="this is not the token that was printed\n")
        response = web.Response(text="welcome\n")
        response.set_cookie(self._cookie, self._door.key, httponly=True, samesite="Strict", path="/")
        return response

    async def _about(self, request: web.Request) -> web.Response:
        about = {**self._answers.about(), "scene": self._scene is not None}
        return web.Response(body=snapshot.encode(about), content_type="application/json")

    async def _show_scene(self, request: web.Request) -> web.StreamResponse:
        if self._scene is None:
            raise web.HTTPNotFound(text="there is no 3D scene\n")
        return await self._scene.handle(request)

    async def _stop(self, request: web.Request) -> web.Response:
        """Nothing is read, and nothing waited for."""
        try:
            self._answers.stop()
        except VlaSimError as error:
            return _said(str(error), 409)
        return _said("stop was sent")

    async def _do(self, request: web.Request) -> web.Response:
        try:
            action = decode_action(await request.read())
            text = await asyncio.wait_for(asyncio.wrap_future(self._answers.act(action)), ANSWER_TIMEOUT)
        except asyncio.TimeoutError:
            return _said(f"no answer has come within {ANSWER_TIMEOUT:.0f} s", 504)
        except VlaSimError as error:
            return _said(str(error), 400)
        return _said(text)

    async def _audio(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MOST_BYTES)
        await socket.prepare(request)
        async for message in socket:
            if message.type is not WSMsgType.BINARY or len(message.data) % 2:
                break
            self._answers.hear(message.data)
        await socket.close()
        return socket

    async def _state(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MOST_BYTES, compress=False)
        await socket.prepare(request)
        if len(self._viewers) >= MOST_VIEWERS:
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"too many viewers")
            return socket
        viewer = Viewer(socket, told=self._loop.time())
        self._viewers.add(viewer)
        self._count()
        sender = asyncio.ensure_future(self._send(viewer))
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    wish = _wish.decode(message.data)
                    viewer.looks, viewer.pictures = wish.looks, wish.pictures
                    viewer.news.set()
                    self._count()
        except msgspec.MsgspecError:
            await socket.close(code=WSCloseCode.INVALID_TEXT)
        finally:
            self._viewers.discard(viewer)
            sender.cancel()
            self._count()
        return socket

    def _count(self) -> None:
        looking = [one for one in self._viewers if one.looks]
        if not self._looking:  # as yet, and until now nothing was shown
            self._shown = self._loop.time()
        if not looking:
            self._sections = {}  # they would be old when somebody looks again
        self._looking = len(looking)
        self._answers.looked_at(len(looking), sum(one.pictures for one in looking))

    async def _send(self, viewer: Viewer) -> None:
        """What is new to a viewer, until it goes."""
        try:
            while True:
                await asyncio.wait_for(self._send_news(viewer), SEND_TIMEOUT)
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(viewer.news.wait(), BEAT)
                viewer.news.clear()
        except (ConnectionError, asyncio.TimeoutError):
            await viewer.socket.close()

    async def _send_news(self, viewer: Viewer) -> None:
        now = self._loop.time()
        seen = {**self._sections, **(self._old if now - self._shown > OLD else {})} if viewer.looks else {}
        news = {k: v for k, v in seen.items() if viewer.sent.get(k) != v}
        if news or now - viewer.told >= BEAT:
            viewer.sent |= news
            viewer.told = now
            await viewer.socket.send_bytes(
                b"{" + b",".join(b'"%s":%s' % (k.encode(), v) for k, v in news.items()) + b"}"
            )
        if viewer.looks and viewer.pictures and viewer.picture != self._pictures:
            viewer.picture = self._pictures
            await viewer.socket.send_bytes(b"\x00" + self._picture)


async def _end_all(loop: asyncio.AbstractEventLoop) -> None:
    """What still waits is given up."""
    left = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for one in left:
        one.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def _said(text: str, status: int = 200) -> web.Response:
    return web.Response(body=snapshot.encode({"text": text}), status=status, content_type="application/json")


def _harden(response: web.StreamResponse, policy: str) -> None:
    response.headers["Content-Security-Policy"] = policy
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
