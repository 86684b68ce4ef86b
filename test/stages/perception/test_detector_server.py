"""A detector on a server, over real HTTP: what it is sent, what it may answer, and what it may do instead."""

import base64
import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perception_scene import GREEN, HEAD, RED, Scene, look
from PIL import Image
from test_standing_things import TOP

from vla_sim.common.asking import Asking
from vla_sim.common.errors import InputError
from vla_sim.stages.perception.detector_server import MOST_BYTES, DetectorServer, LateError, ServerError
from vla_sim.stages.perception.naming import AGAIN, PAUSE, Naming, overlap
from vla_sim.stages.perception.pose_estimator import Detection
from vla_sim.stages.perception.standing_things import StandingThings
from vla_sim.stages.perception.tracker import Tracker, View


class Scripted:
    """A server on a free port. body: what it answers; a function of the question makes it. asked: the
    questions that came."""

    def __init__(self):
        self.status, self.asked, self.body, self.hold = 200, [], b'{"detections": []}', threading.Event()
        self.hold.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                outer.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                outer.hold.wait(10.0)
                body = outer.body(outer.asked[-1]) if callable(outer.body) else outer.body
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/detect"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def says(self, *found):
        self.body = json.dumps(
            {"detections": [{"name": n, "score": s, "box": list(b)} for n, s, b in found]}
        ).encode()

    def close(self):
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server():
    one = Scripted()
    yield one
    one.close()


PICTURE = np.zeros((24, 32, 3), np.uint8)
PICTURE[:, 16:] = (250, 20, 20)
QUESTION = {"image": PICTURE, "names": ["stapler", "toy car"]}


def test_a_picture_and_names_go_and_boxes_come_back(server):
    server.says(("stapler", 0.75, (1, 2, 11, 22.5)), ("cat", 0.9, (0, 0, 5, 5)))
    client = DetectorServer(server.url, 5.0)
    (one,) = client.infer(QUESTION)["boxes"]  # nobody has asked for a cat
    assert (one.name, one.score, one.box) == ("stapler", 0.75, (1, 2, 11, 22.5))
    (asked,) = server.asked
    assert asked["names"] == ["stapler", "toy car"]
    sent = np.asarray(Image.open(io.BytesIO(base64.b64decode(asked["image"]))))
    assert np.abs(sent.astype(int)[:, [4, 28]] - PICTURE.astype(int)[:, [4, 28]]).max() < 12
    client.close()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>\n", "cannot be read"), (b'{"boxes": []}', "detections"), (b"[" * 5000, "cannot be read"),
        (b'{"detections": [{"name": "stapler", "score": 7, "box": [0, 0, 1, 1]}]}', "score"),
        (b'{"detections": [{"name": "stapler", "score": 1, "box": [0, 0, 1]}]}', "box"),
        (b'{"detections": [{"name": "stapler", "score": 1, "box": [9, 0, 1, 1]}]}', "left, top, right"),
        (b'{"detections": [{"name": "stapler", "score": 1, "box": [0, 0, 1, NaN]}]}', "cannot be read"),
        (b" " * (MOST_BYTES + 1), "longer than"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_one_line(server, body, reason):
    server.body = body
    with pytest.raises(ServerError, match=reason) as error:
        DetectorServer(server.url, 5.0).infer(QUESTION)
    assert str(error.value).isprintable()


def test_no_answer_does_more_than_fail(server):
    client = DetectorServer(server.url, 5.0)

    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=200))
    def check(body):
        server.body = body
        with pytest.raises(ServerError):
            client.infer(QUESTION)

    check()


def test_an_error_of_the_server_is_one_line(server):
    server.status = 500
    with pytest.raises(ServerError, match="500"):
        DetectorServer(server.url, 5.0).infer(QUESTION)


def test_silence_ends_with_the_time_out(server):
    server.hold.clear()
    with pytest.raises(LateError, match=r"has not answered for 0\.3 s"):
        DetectorServer(server.url, 0.3).infer(QUESTION)


def test_a_server_that_is_not_there_is_one_line():
    with pytest.raises(ServerError, match="Connect"):
        DetectorServer("http://127.0.0.1:9/", 5.0).infer(QUESTION)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host/", "http://", "stapler"])
def test_what_is_no_address_is_told(url):
    with pytest.raises(InputError, match=r"detector_url .* is no address of a server; give one like http"):
        DetectorServer(url, 1.0)


class Table:
    """Two things on a table, seen by tracker and naming, ten times a second."""

    def __init__(self, server, executor=None):
        scene = Scene().table().add("box", (0.15, 0.05, 0.06), (0.5, 0.15, TOP + 0.03, 0.4), RED)
        scene.add("box", (0.08, 0.08, 0.12), (0.55, -0.15, TOP + 0.06, 0.0), GREEN)
        self.rgb, self.depth = scene.render(noise=0.002, seed=1)
        found = StandingThings().detect(self.rgb, self.depth, HEAD, look(), np.zeros((0, 7)), ())
        self.found = sorted(found, key=lambda one: -one.position[1])
        assert [one.colour for one in self.found] == ["red", "green"]
        self.tracker, self.stamp, self.said = Tracker(), 0.0, []
        self.naming = Naming(
            Asking(DetectorServer(server.url, 5.0), executor, 5.0), ("stapler", "toy car"), 0.4,
            self.said.append,
        )  # fmt: skip

    def look(self, times=1, period=0.1):
        for _ in range(times):
            self.stamp += period
            self.tracker.update(self.found, View(HEAD, look(), self.depth), self.stamp)
            self.naming.look(self.rgb, self.tracker.tracks, self.stamp)
        return {one.colour: one.kind for one in self.tracker.objects()}


def box(one: Detection, grown=0.0):
    left, top, right, bottom = one.box
    return (left - grown, top - grown, right + grown, bottom + grown)


def test_a_measured_thing_has_the_name_of_the_box_that_covers_it(server):
    table = Table(server)
    red, green = table.found
    server.says(("stapler", 0.8, box(red, 3)), ("toy car", 0.5, box(red)), ("toy car", 0.3, box(green)))
    assert table.look(5) == {"red": "stapler", "green": "thing"}  # 0.3 is not enough


def test_a_box_somewhere_else_names_nothing(server):
    table = Table(server)
    server.says(("stapler", 0.9, (0, 0, 319, 239)), ("toy car", 0.9, (2, 200, 30, 230)))
    assert table.look(5) == {"red": "thing", "green": "thing"}


def test_a_name_that_was_wrong_gives_way_and_fades(server):
    table = Table(server)
    server.says(("stapler", 0.9, box(table.found[0])))
    assert table.look(5)["red"] == "stapler"
    server.says(("toy car", 0.9, box(table.found[0])))
    assert table.look(5, AGAIN)["red"] == "toy car"
    server.says()
    assert table.look(40, AGAIN)["red"] == "thing"


def test_an_answer_is_for_the_things_that_were_in_its_picture(server):
    table = Table(server)
    server.says(("stapler", 0.9, box(table.found[0])))
    table.look()
    gone = table.found.pop(0)
    table.found[0] = Detection(**{**vars(table.found[0]), "box": gone.box})  # another thing is there by now
    table.look()
    assert {one.colour: set(one.called) for one in table.tracker.tracks} == {
        "red": {"stapler"}, "green": set(),
    }  # fmt: skip


def test_named_things_are_asked_about_now_and_then_and_an_empty_table_never(server):
    table = Table(server)
    server.says(*(("stapler", 0.9, box(one)) for one in table.found))
    table.look(41)
    assert len(server.asked) == pytest.approx(4.0 / AGAIN, abs=2)
    table.found.clear()
    before = len(server.asked)
    table.look(30)
    assert len(server.asked) == before


def test_a_dead_server_is_one_line_until_it_lives_again(server):
    table = Table(server)
    server.status = 503
    assert table.look(100) == {"red": "thing", "green": "thing"}
    assert len(server.asked) == pytest.approx(10.0 / PAUSE, abs=1)
    (line,) = table.said
    assert line.startswith("things get no names: the detector at http://127.0.0.1:")
    server.status = 200
    server.says(("stapler", 0.9, box(table.found[0])))
    assert table.look(60)["red"] == "stapler"
    server.status = 503
    table.look(30)
    assert len(table.said) == 2


def test_perception_goes_on_while_a_slow_server_thinks(server):
    with ThreadPoolExecutor(1) as executor:
        table = Table(server, executor)
        server.says(("stapler", 0.9, box(table.found[0])))
        server.hold.clear()
        assert table.look(20)["red"] == "thing"
        server.hold.set()
        executor.submit(int).result(10.0)
        assert len(server.asked) == 1
        assert table.look()["red"] == "stapler"


def test_time_that_begins_anew_does_not_wait_for_an_answer_of_before(server):
    table = Table(server)
    table.stamp = 1e4
    server.says(("stapler", 0.9, box(table.found[0])))
    table.look()
    table.stamp = 0.0
    assert table.look(5)["red"] == "stapler"


def test_overlap_is_intersection_over_union():
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1.0
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (10, 0, 15, 10)) == 0.0
