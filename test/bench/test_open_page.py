"""A page that is open without a browser gets what a browser gets."""

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")
pytest.importorskip("aiohttp")
pytest.importorskip("viser")

from waiting import wait_for

from vla_sim.bench.open_page import OpenPage
from vla_sim.common.errors import StackError
from vla_sim.view import door, snapshot
from vla_sim.view.door import Door
from vla_sim.view.scene import Scene
from vla_sim.view.server import Server
from vla_sim.view.state import ViewState

BOUND = 120.0  # [s]
pytestmark = pytest.mark.integration


class Answers:
    looked = (0, 0)

    def looked_at(self, viewers, pictures):
        self.looked = (viewers, pictures)


@pytest.fixture
def served():
    answers, port = Answers(), door.free_port("127.0.0.1")
    server = Server(answers, Door("127.0.0.1"), port)
    with Scene("tabletop") as scene:
        server.embed("127.0.0.1", scene.port)
        server.start()
        yield answers, server, scene, port
        server.close()


def test_it_gets_states_pictures_and_the_scene_and_is_gone_once_it_is_shut(served):
    answers, server, scene, port = served
    with OpenPage(port) as page:
        wait_for(lambda: answers.looked == (1, 1) and scene.viewers == 1, BOUND)
        scene.show(ViewState())
        server.show({"clock": snapshot.encode({"stamp_s": 1.0})})
        server.show_picture({}, b"jpeg")
        wait_for(lambda: page.states and page.pictures and page.scenes, BOUND)
    wait_for(lambda: answers.looked == (0, 0) and scene.viewers == 0, BOUND)


def test_a_page_that_is_not_there_is_told():
    with pytest.raises(StackError, match="cannot be opened"), OpenPage(door.free_port("127.0.0.1")):
        pass
