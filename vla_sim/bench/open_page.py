"""Somebody at the live view's page without a browser: takes all that one takes, and draws none of it."""

import asyncio
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Any

import msgspec

from vla_sim.common.errors import StackError
from vla_sim.view import door

TIMEOUT = 60.0  # [s] until all that a browser opens is open
CAMERA = {
    "type": "ViewerCameraMessage", "wxyz": (1.0, 0.0, 0.0, 0.0), "position": (0.0, 0.0, 5.0), "fov": 0.8,
    "near": 0.1, "far": 100.0, "image_height": 600, "image_width": 800, "look_at": (0.0, 0.0, 0.0),
    "up_direction": (0.0, 1.0, 0.0),
}  # fmt: skip
"""What viser's client begins with; who has not said it gets no scene."""
WISH = '{"looks": true, "pictures": true}'


class OpenPage:
    """Open as long as the context lasts. states, pictures, scenes: messages of each kind that have come.

    Raises `MissingError` without the extra `view`, `StackError` if the page cannot be opened.
    """

    def __init__(self, port: int) -> None:
        self.states = self.pictures = self.scenes = 0
        self._aiohttp, self._viser = door.library("aiohttp"), door.library("viser")
        self._at = door.url("127.0.0.1", port).rstrip("/")
        self._opened: Future[None] = Future()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="open page", daemon=True)

    def __enter__(self) -> "OpenPage":
        self._thread.start()
        self._opened.result(TIMEOUT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(TIMEOUT)

    def _run(self) -> None:
        self._task = self._loop.create_task(self._look())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except Exception as error:
            if not self._opened.done():
                self._opened.set_exception(StackError(f"the page at {self._at} cannot be opened: {error}"))
        finally:
            self._loop.close()

    async def _look(self) -> None:
        protocol = f"viser-v{self._viser.__version__}"
        async with self._aiohttp.ClientSession() as session:
            how = {"origin": self._at, "max_msg_size": 0}
            async with (
                session.ws_connect(f"{self._at}/state", **how) as page,
                session.ws_connect(f"{self._at}/scene", protocols=[protocol], **how) as scene,
            ):
                await page.send_str(WISH)
                await scene.send_bytes(msgspec.msgpack.encode(CAMERA))
                self._opened.set_result(None)
                await asyncio.gather(self._take_page(page), self._take_scene(scene))

    async def _take_page(self, page: Any) -> None:
        async for message in page:
            if message.data[:1] == b"\0":
                self.pictures += 1
            else:
                self.states += 1

    async def _take_scene(self, scene: Any) -> None:
        async for _ in scene:
            self.scenes += 1
