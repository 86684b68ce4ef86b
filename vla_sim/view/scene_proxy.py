"""The 3D scene's own server, which is on loopback alone, under the page's address: one port, one door."""

import asyncio
import contextlib
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, WSMsgType, web

MOST_BYTES = 50 * 1024 * 1024
"""Of one message of the scene, as viser has it."""
TIMEOUT = ClientTimeout(total=30.0)
PASSED = ("Content-Type", "Content-Encoding")


class SceneProxy:
    """host, port: where it is."""

    def __init__(self, host: str, port: int) -> None:
        self._at = f"http://{host}:{port}"
        self._session: ClientSession | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Pass a request, or a websocket, on to the scene."""
        if self._session is None:
            self._session = ClientSession(auto_decompress=False, timeout=TIMEOUT)
        path = request.match_info["path"]
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._socket(request, path or "/")  # viser's client asks without the slash
            if path == "":
                raise web.HTTPFound(f"{request.path}/")  # else its own addresses would lack the prefix
            headers = {"Accept-Encoding": request.headers.get("Accept-Encoding", "identity")}
            async with self._session.get(self._at + path, headers=headers) as found:
                kept = {name: found.headers[name] for name in PASSED if name in found.headers}
                return web.Response(body=await found.read(), status=found.status, headers=kept)
        except (ClientError, asyncio.TimeoutError, OSError):
            raise web.HTTPBadGateway(text="the 3D scene does not answer\n") from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _socket(self, request: web.Request, path: str) -> web.WebSocketResponse:
        assert self._session is not None
        offered = [one.strip() for one in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        protocols = [one for one in offered if one]
        there = await self._session.ws_connect(self._at + path, protocols=protocols, max_msg_size=MOST_BYTES)
        here = web.WebSocketResponse(protocols=protocols, max_msg_size=MOST_BYTES, compress=False)
        await here.prepare(request)

        ways = [asyncio.ensure_future(_pass(here, there)), asyncio.ensure_future(_pass(there, here))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await asyncio.gather(*ways, return_exceptions=True)
            await there.close()
            await here.close()
        return here


async def _pass(source: Any, to: Any) -> None:
    """Each message of one websocket, as it comes, to the other."""
    async for message in source:
        if message.type is WSMsgType.BINARY:
            await to.send_bytes(message.data)
        elif message.type is WSMsgType.TEXT:
            await to.send_str(message.data)
