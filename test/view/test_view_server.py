"""The page's server: what viewers get, who is turned away, and that a stop waits for nobody."""

import asyncio
import json
import threading
import time
from concurrent.futures import Future

import pytest

pytest.importorskip("aiohttp")

import aiohttp
from aiohttp import web
from ports import any_port

from vla_sim.common.errors import InputError, StackError
from vla_sim.view import actions, server
from vla_sim.view.door import Door
from vla_sim.view.server import MOST_VIEWERS, PAGES, Server

BOUND = 60.0  # [s]
WRONG = (
    b"", b"{}", b'{"do":"fly"}', b'{"do":"command","text":""}', b'{"do":"speed","factor":0}',
    b'{"do":"command","text":"go","more":1}', b"\xff", b"[" * 5000,
)  # fmt: skip


class Answers:
    """As a node would give them. asked: what the page asked for."""

    def __init__(self):
        self.asked, self.heard, self.looked = [], b"", []
        self.refusal = ""

    def about(self):
        return {"mode": "live"}

    def stop(self):
        if self.refusal:
            raise StackError(self.refusal)
        self.asked.append("stop")

    def act(self, action):
        self.asked.append(action)
        out = Future()
        if self.refusal:
            out.set_exception(InputError(self.refusal))
        elif not isinstance(action, actions.Reset):  # that one never comes
            out.set_result("done")
        return out

    def hear(self, samples):
        self.heard += samples

    def looked_at(self, viewers, pictures):
        self.looked.append((viewers, pictures))


class Site:
    """A server and a client's side of it."""

    def __init__(self, host="127.0.0.1", token=""):
        self.answers = Answers()
        self.port = any_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.door = Door(host, token)
        self.server = Server(self.answers, self.door, self.port)

    def __enter__(self):
        self.server.start()
        return self

    def lose(self):
        """As when the process is killed: nobody says goodbye."""
        self.server._viewers.clear()
        self.server.close()

    def again(self):
        """A new server where the old one was."""
        self.server = Server(self.answers, self.door, self.port)
        self.server.start()

    def __exit__(self, *_):
        self.server.close()

    def run(self, visit, **how):
        """`visit(session)` with a client whose requests come from the page."""

        async def go():
            headers = {"Origin": self.url, **how}
            async with aiohttp.ClientSession(self.url, headers=headers) as session:
                return await asyncio.wait_for(visit(session), BOUND)

        return asyncio.run(go())


@pytest.fixture
def site():
    with Site() as made:
        yield made


async def news(socket):
    """The data of the next message that is not empty."""
    while True:
        message = await socket.receive()
        assert message.type is aiohttp.WSMsgType.BINARY, message
        if message.data != b"{}":
            return message.data


async def receive(socket, wanted):
    """Sections of the state until `wanted` of all so far is true."""
    known = {}
    while not wanted(known):
        message = await socket.receive()
        assert message.type is aiohttp.WSMsgType.BINARY, message
        known |= json.loads(message.data)
    return known


def test_every_file_of_the_page_is_served_and_may_load_nothing_from_elsewhere(site):
    async def visit(session):
        for path, (_, kind) in PAGES.items():
            async with session.get(path) as found:
                assert (found.status, found.content_type) == (200, kind), path
                assert "default-src 'self'" in found.headers["Content-Security-Policy"]
                text = await found.text()
                assert "//cdn" not in text
                if path.endswith((".js", ".css")):
                    assert "https://" not in text, f"{path} names something elsewhere"
        async with session.get("/static/../server.py") as found:
            assert found.status == 404

    site.run(visit)


def test_a_viewer_gets_what_is_new_to_it_and_a_late_one_everything(site):
    async def visit(session):
        site.server.show({"clock": b"1", "map": b'{"a":2}'})
        async with session.ws_connect("/state") as one:
            assert await receive(one, lambda k: "map" in k) == {"clock": 1, "map": {"a": 2}}
            site.server.show({"clock": b"3", "map": b'{"a":2}'})
            assert json.loads(await news(one)) == {"clock": 3}
            async with session.ws_connect("/state") as late:
                assert await receive(late, lambda k: "map" in k) == {"clock": 3, "map": {"a": 2}}
                site.server.show({"clock": b"4", "map": b'{"a":2}'})
                assert json.loads(await news(one)) == {"clock": 4}
                assert json.loads(await news(late)) == {"clock": 4}

    site.run(visit)


def test_a_viewer_to_whom_nothing_is_new_hears_that_the_line_is_there(site):
    async def visit(session):
        async with session.ws_connect("/state") as hidden, session.ws_connect("/state") as shown:
            await hidden.send_str(json.dumps({"looks": False}))
            for socket in (hidden, shown):
                for _ in range(3):
                    message = await asyncio.wait_for(socket.receive(), 5.0)
                    assert json.loads(message.data) == {}

    site.run(visit)


@pytest.mark.parametrize(("outlived", "reason"), [(False, "ended"), (True, "")])
def test_a_page_is_told_that_the_run_has_ended_only_where_it_has(outlived, reason):
    """A viewer of a stack that others have started ends alone: the robot goes on."""
    site = Site()
    site.server = Server(site.answers, site.door, site.port, outlived=outlived)

    async def visit(session):
        async with session.ws_connect("/state") as one:
            ended = asyncio.get_running_loop().run_in_executor(None, site.server.close)
            while (message := await one.receive()).type is not aiohttp.WSMsgType.CLOSE:
                pass
            await ended
            return message.extra

    with site:
        assert site.run(visit) == reason


def test_a_state_that_nobody_renews_is_shown_as_old(monkeypatch):
    monkeypatch.setattr(server, "OLD", 0.5)
    site = Site()
    site.server = Server(site.answers, site.door, site.port, old={"safety": b'"unknown"'})

    async def visit(session):
        for level in (b'"ok"', b'"stopped"'):
            async with session.ws_connect("/state") as one:
                site.server.show({"safety": level, "map": b"1"})
                assert await receive(one, lambda k: "map" in k) == {"safety": json.loads(level), "map": 1}
                assert json.loads(await news(one)) == {"safety": "unknown"}
                site.server.show({"safety": level, "map": b"2"})
                assert json.loads(await news(one)) == {"safety": json.loads(level), "map": 2}
            while site.answers.looked[-1] != (0, 0):
                await asyncio.sleep(0.01)
            await asyncio.sleep(1.0)  # nobody looks, and nothing is shown to nobody

    with site:
        site.run(visit)


def test_pictures_go_to_those_who_look_at_them_and_nothing_to_a_hidden_page(site):
    async def visit(session):
        async with session.ws_connect("/state") as one:
            await one.send_str('{"looks": true, "pictures": true}')
            while site.answers.looked[-1:] != [(1, 1)]:
                await asyncio.sleep(0.01)
            site.server.show_picture({"width": 4}, b"jpeg")
            data = await news(one)
            assert (data[0], data[-4:]) == (0, b"jpeg")
            size = int.from_bytes(data[1:5], "little")
            assert json.loads(data[5 : 5 + size]) == {"width": 4}
            await one.send_str('{"looks": false}')
            while site.answers.looked[-1] != (0, 0):
                await asyncio.sleep(0.01)
            site.server.show({"clock": b"1"})
            await asyncio.sleep(0.05)
            await one.send_str('{"looks": true}')
            assert json.loads(await news(one)) == {"clock": 1}
        while site.answers.looked[-1] != (0, 0):
            await asyncio.sleep(0.01)

    site.run(visit)


def test_what_is_asked_for_is_done_or_the_reason_is_said(site):
    async def visit(session):
        async with session.post("/do", data='{"do":"command","text":"go"}') as found:
            assert (found.status, await found.json()) == (200, {"text": "done"})
        for wrong in WRONG:
            async with session.post("/do", data=wrong) as found:
                assert found.status == 400, wrong
                assert "cannot be done" in (await found.json())["text"]
        site.answers.refusal = "no planner"
        async with session.post("/do", data='{"do":"estop","on":true}') as found:
            assert (found.status, await found.json()) == (400, {"text": "no planner"})
        async with session.post("/stop") as found:
            assert (found.status, await found.json()) == (409, {"text": "no planner"})
        async with session.post("/do", data="x" * 100_000) as found:
            assert found.status == 413

    site.run(visit)
    assert site.answers.asked[0] == actions.Say(text="go")


def test_sound_goes_in_as_it_comes(site):
    async def visit(session):
        async with session.ws_connect("/audio") as line:
            await line.send_bytes(b"\x01\x00\x02\x00")
            while len(site.answers.heard) < 4:
                await asyncio.sleep(0.01)
            await line.send_bytes(b"odd")
            assert (await line.receive()).type is aiohttp.WSMsgType.CLOSE

    site.run(visit)
    assert site.answers.heard == b"\x01\x00\x02\x00"


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": ""}, {"Host": "evil.example"},
])  # fmt: skip
def test_another_sites_page_can_do_nothing(site, headers):
    async def visit(session):
        for path in ("/stop", "/do", "/login"):
            async with session.post(path, data='{"do":"command","text":"go"}') as found:
                assert found.status == 403, path
        for path in ("/state", "/audio"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(path)
            assert refused.value.status == 403

    site.run(visit, **headers)
    assert site.answers.asked == []


def test_a_name_that_leads_here_does_not_even_get_the_page(site):
    async def visit(session):
        for path in ("/", "/about"):
            async with session.get(path) as found:
                assert found.status == 403

    site.run(visit, Host="evil.example")


def test_with_a_token_nobody_looks_without_it():
    async def visit(session):
        async with session.get("/") as found:
            assert found.status == 200, "the empty page, which asks for the token"
        for path in ("/about", "/scene/"):
            async with session.get(path) as found:
                assert found.status == 401
        async with session.post("/stop") as found:
            assert found.status == 401
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect("/state")
        async with session.post("/login", data="a guess") as found:
            assert (found.status, "Set-Cookie" in found.headers) == (401, False)
        async with session.post("/login", data="the token that was printed") as found:
            cookie = found.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Strict" in cookie
            assert "the token" not in cookie
        async with session.get("/about") as found:
            assert found.status == 200
        async with session.ws_connect("/state"):
            pass
        async with session.post("/stop") as found:
            assert found.status == 200

    with Site("0.0.0.0", "the token that was printed") as site:

        async def go():
            jar = aiohttp.CookieJar(unsafe=True)  # as browsers, which keep cookies of an address
            async with aiohttp.ClientSession(
                site.url, headers={"Origin": site.url}, cookie_jar=jar
            ) as session:
                await asyncio.wait_for(visit(session), BOUND)

        asyncio.run(go())


def test_a_stop_waits_for_nobody(site):
    """Not for what is asked for and never answered, nor for viewers that take nothing, nor for the thread
    that has the state, which is busy."""
    ends = threading.Event()
    busy = threading.Thread(target=ends.wait)
    busy.start()

    async def visit(session):
        sockets = [await session.ws_connect("/state") for _ in range(MOST_VIEWERS)]
        never = [asyncio.ensure_future(session.post("/do", data='{"do":"reset"}')) for _ in range(20)]
        while len(site.answers.asked) < 20:
            await asyncio.sleep(0.01)
        for k in range(50):
            site.server.show({"log": json.dumps(["x" * 100_000, k]).encode()})
        began = time.monotonic()
        async with session.post("/stop") as found:
            assert found.status == 200
        took = time.monotonic() - began
        for one in (*never, *sockets):
            one.cancel() if isinstance(one, asyncio.Future) else await one.close()
        return took

    try:
        took = site.run(visit)
    finally:
        ends.set()
    assert site.answers.asked[-1] == "stop"
    assert took < 5.0, "a bound that tells a wait from a slow machine"


def test_no_more_viewers_come_than_there_is_room_for(site):
    async def visit(session):
        sockets = [await session.ws_connect("/state") for _ in range(MOST_VIEWERS)]
        async with session.ws_connect("/state") as one:
            assert (await one.receive()).type is aiohttp.WSMsgType.CLOSE
        for socket in sockets:
            await socket.close()

    site.run(visit)


def test_the_3d_scenes_own_server_is_reached_through_the_page_alone(site):
    async def hello(request):
        if request.headers.get("Upgrade", "").lower() == "websocket":
            socket = web.WebSocketResponse(protocols=["viser-v1"])
            await socket.prepare(request)
            async for message in socket:
                await socket.send_bytes(message.data[::-1])
            return socket
        return web.Response(text=f"scene {request.path}", content_type="text/html")

    async def visit(session):
        app = web.Application()
        app.router.add_get("/{path:.*}", hello)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with session.get("/scene/") as found:
            assert found.status == 404
        site.server.embed(*runner.addresses[0][:2])
        async with session.get("/scene", allow_redirects=False) as found:
            assert (found.status, found.headers["Location"]) == (302, "/scene/")
        async with session.get("/scene/file") as found:
            assert (found.status, await found.text()) == (200, "scene /file")
            assert "frame-ancestors 'self'" in found.headers["Content-Security-Policy"]
        for path in ("/scene/", "/scene"):
            async with session.ws_connect(path, protocols=["viser-v1"]) as line:
                assert line.protocol == "viser-v1"
                await line.send_bytes(b"abc")
                assert (await line.receive()).data == b"cba"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect("/scene/", headers={"Origin": "http://evil.example"})
        await runner.cleanup()
        async with session.get("/scene/") as found:
            assert found.status == 502

    site.run(visit)
