"""The scene's server, asked as a browser asks it: what is there, what moves, who comes late."""

import sys
import time

import numpy as np
import pytest

pytest.importorskip("viser")

from scene_states import cup, pose, standing, touch, truth
from scene_viewer import MARK, Viewer, connected
from websockets.exceptions import ConnectionClosed

from vla_sim.common.errors import InputError, MissingError
from vla_sim.robot import facts
from vla_sim.view import overlays
from vla_sim.view.nodes import GRASPED, TOUCHED
from vla_sim.view.scene import Scene
from vla_sim.view.state import Costmap

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def scene():
    with Scene("tabletop") as made:
        yield made


@pytest.fixture
def viewer(scene):
    with Viewer(scene.port) as one:
        until(lambda: scene.viewers == 1)
        one.take(scene)
        yield one
    until(lambda: scene.viewers == 0)


def until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def seen(viewer, scene, state):
    scene.show(state)
    viewer.take(scene)
    return viewer.nodes


def node(viewer, end):
    return next(one for name, one in viewer.nodes.items() if name.endswith(end))


def test_every_link_and_every_movable_thing_is_a_node_and_what_stands_still_is_one(viewer):
    names = set(viewer.nodes)
    assert {"/robot", "/world", "/goal", "/extent/low", "/extent/high"} <= names
    for joint in facts.JOINTS[:3]:
        assert any(name.endswith(f"/{joint.removesuffix('_joint')}_link") for name in names)
    assert "/things/red_cup" in names
    assert sum(name.startswith("/world") for name in names) == 1
    assert sum(name.endswith("/eye") for name in names) == 1


def test_the_robot_stands_where_it_believes_to_stand_and_without_belief_is_not_drawn(viewer, scene):
    assert viewer.nodes["/robot"]["visible"] is False
    nodes = seen(viewer, scene, standing())
    assert nodes["/robot"]["visible"]
    assert nodes["/robot"]["position"] == pytest.approx((1.0, 2.0, 0.77))
    assert not seen(viewer, scene, standing(base=None))["/robot"]["visible"]


def test_truth_wins_and_a_wrong_belief_is_drawn_beside_it(viewer, scene):
    nodes = seen(viewer, scene, standing(true_base=pose(1.0, 2.0, 0.77), base=pose(1.2, 2.0, 0.77)))
    assert nodes["/robot"]["position"] == pytest.approx((1.0, 2.0, 0.77))
    assert nodes["/believed"]["visible"]
    assert nodes["/believed"]["position"][:2] == pytest.approx((1.2, 2.0))
    nodes = seen(viewer, scene, standing(true_base=pose(1.2, 2.0, 0.77), base=pose(1.2, 2.0, 0.77)))
    assert not nodes["/believed"]["visible"]


def test_nothing_is_sent_for_a_state_that_has_not_changed(viewer, scene):
    state = standing(objects={"red_cup": pose(0.5, 0.0, 0.8)}, detected=[cup()], path=np.eye(3)[:, :2])
    seen(viewer, scene, state)
    scene.show(state)
    scene.show(state)
    assert viewer.take(scene) == 0
    state.joints["left_knee_joint"] += 0.2
    scene.show(state)
    assert viewer.take(scene) == 1


def test_things_are_where_the_truth_has_them_and_hidden_without(viewer, scene):
    nodes = seen(viewer, scene, standing(objects={"red_cup": pose(0.5, 0.1, 0.8)}))
    assert nodes["/things/red_cup"]["visible"]
    assert nodes["/things/red_cup"]["position"] == pytest.approx((0.5, 0.1, 0.8))
    assert not seen(viewer, scene, standing())["/things/red_cup"]["visible"]


def test_a_contact_is_red_and_a_grasp_green_and_feet_may_stand(viewer, scene):
    hand = facts.HAND.links[1]
    model = scene_collisions(scene)
    arm = next(name for name in model if "::left_elbow_link::" in name)
    pad = next(name for name in model if f"::{hand}::" in name)
    thing = next(name for name in model if name.startswith("red_cup::"))
    foot = next(name for name in model if f"::{facts.FOOT_LINK['left']}::" in name)
    table = next(name for name in model if "table" in name.split("::")[0])
    floor = next(name for name in model if name.startswith("ground"))
    nodes = seen(viewer, scene, standing(contacts=[touch(arm, table), touch(pad, thing), touch(floor, foot)]))
    shown = {name.rpartition("touch_")[2]: one for name, one in nodes.items() if "/touch_" in name}
    assert set(shown) == {name.replace("::", ".") for name in (arm, table, pad, thing)}
    assert tuple(shown[arm.replace("::", ".")]["color"]) == TOUCHED
    assert tuple(shown[pad.replace("::", ".")]["color"]) == GRASPED
    nodes = seen(viewer, scene, standing())
    assert not any(one["visible"] for name, one in nodes.items() if "/touch_" in name)


def scene_collisions(scene):
    contacts = next(part for part in scene._parts if isinstance(part, overlays.Contacts))
    return list(contacts._where)


def test_nearness_is_a_ring_with_the_distance(viewer, scene):
    nodes = seen(viewer, scene, standing(truth=truth(clearance=0.03)))
    assert nodes["/near"]["visible"]
    assert nodes["/near/distance"]["text"] == "0.03 m"
    assert not seen(viewer, scene, standing(truth=truth(clearance=0.3)))["/near"]["visible"]


def test_a_detection_is_a_box_with_its_name_and_goes_when_it_is_forgotten(viewer, scene):
    nodes = seen(viewer, scene, standing(detected=[cup(7), cup(9, x=3.0)]))
    assert nodes["/detected/0"]["position"] == pytest.approx((2.0, 0.0, 0.8))
    assert nodes["/detected/1"]["position"] == pytest.approx((3.0, 0.0, 0.8))
    assert nodes["/detected/0/name"]["text"] == "red cup 90 %"
    assert nodes["/detected/0/box"]["scale"] == pytest.approx([0.07, 0.07, 0.1])
    nodes = seen(viewer, scene, standing(detected=[cup(9, x=3.0)]))
    assert nodes["/detected/0"]["position"] == pytest.approx((3.0, 0.0, 0.8))
    assert not nodes["/detected/1"]["visible"]


def test_a_goal_and_a_reach_are_ghosts_until_they_are_reached(viewer, scene):
    reach = {"right": ({"right_elbow_joint": -0.5}, 6.0)}
    nodes = seen(viewer, scene, standing(goal=(3.0, 1.0, 0.0), arm_goals=reach))
    assert nodes["/goal"]["visible"]
    assert nodes["/goal"]["position"] == pytest.approx((3.0, 1.0, facts.STANDING_HEIGHT))
    assert node(viewer, "/right_reach")["visible"]
    assert not node(viewer, "/left_reach")["visible"]
    ghost = next(n for n in viewer.nodes if "right_reach" in n and n.endswith("/right_elbow_link"))
    body = next(
        n
        for n in viewer.nodes
        if "right_reach" not in n and n.endswith("/right_elbow_link") and "/robot" in n
    )
    assert viewer.nodes[ghost]["wxyz"] != pytest.approx(viewer.nodes[body]["wxyz"])
    nodes = seen(viewer, scene, standing(stamp=7.0, arm_goals=reach))
    assert not node(viewer, "/right_reach")["visible"]
    assert not nodes["/goal"]["visible"]


def test_a_costmap_is_a_picture_on_the_floor():
    cost = np.array([[0, 50], [100, 255]], np.uint8)
    picture = overlays.painted(cost)
    assert picture.shape == (2, 2, 4)
    assert picture[0, 0, 3] == 0  # free floor is seen
    assert 0 < picture[0, 1, 3] < picture[1, 0, 3]
    assert len({tuple(one) for one in picture.reshape(4, 4).tolist()}) == 4


def test_a_costmap_goes_with_the_moment_that_had_it(viewer, scene):
    """Of a recorded run, one may go back to before there was any."""
    costmap = Costmap(7.0, np.full((4, 6), 50, np.uint8), 0.0, 0.0, 0.1)
    assert seen(viewer, scene, standing(stamp=7.0, costmap=costmap))["/costmap"].get("visible", True)
    assert not seen(viewer, scene, standing(stamp=1.0))["/costmap"]["visible"]
    assert seen(viewer, scene, standing(stamp=7.0, costmap=costmap))["/costmap"]["visible"]
    seen(viewer, scene, standing(stamp=1.0))


def test_who_comes_late_sees_what_the_others_see(viewer, scene):
    state = standing(objects={"red_cup": pose(0.4, 0.2, 0.8)}, detected=[cup(9)], goal=(3.0, 1.0, 0.5))
    first = seen(viewer, scene, state)
    with Viewer(scene.port) as late:
        until(lambda: scene.viewers == 2)
        late.take(scene)
        assert set(late.nodes) == set(first)
        for name in first.keys() - {MARK}:
            for key in ("visible", "position", "wxyz", "text"):
                assert late.nodes[name].get(key) == first[name].get(key), (name, key)
    until(lambda: scene.viewers == 1)


def test_while_nobody_looks_nothing_is_made(scene):
    until(lambda: scene.viewers == 0)
    buffer = scene._server._websock_server._broadcast_buffer
    before = buffer.message_counter
    for step in range(100):
        scene.show(standing(base=pose(step, 0.0, 0.77)))
    assert buffer.message_counter == before


def test_an_hour_of_states_is_kept_as_the_last_one(viewer, scene):
    """36,000 states at 10 Hz; two hundred show whether anything grows."""
    buffer = scene._server._websock_server._broadcast_buffer

    def play(steps):
        for step in steps:
            state = standing(
                base=pose(0.01 * step, 0.0, 0.77), detected=[cup(step // 5)] * (step % 3),
                scan=np.full((90, 2), 0.01 * step), path=np.eye(3)[:, :2] * step,
                objects={"red_cup": pose(0.01 * step, 0.0, 0.8)},
            )  # fmt: skip
            scene.show(state)
        viewer.take(scene)
        return len(buffer.message_from_id), len(viewer.nodes)

    assert play(range(1, 100)) == play(range(100, 300))


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://evil.example", "127.0.0.1"),
        ("null", "127.0.0.1"),
        ("http://evil.example", "evil.example"),  # whose name has become this machine's address
        (None, "evil.example"),
    ],
)
def test_a_page_of_another_origin_is_sent_nothing(scene, origin, host):
    with connected(scene.port, host, origin) as line, pytest.raises(ConnectionClosed) as closed:
        line.recv(timeout=30.0)
    assert closed.value.rcvd.code == 1008


def test_its_own_page_may_look(scene):
    with connected(scene.port, origin=f"http://127.0.0.1:{scene.port}") as line:
        assert line.recv(timeout=30.0)


def test_a_map_of_a_real_home_is_walls(tmp_path):
    from vla_sim.world.semantic_map import World

    World.load("tabletop").rasterise().write(tmp_path / "flat")
    (tmp_path / "places.yaml").write_text("places: {here: [0, 0, 0]}\n")
    with Scene(str(tmp_path / "flat.yaml")) as scene, Viewer(scene.port) as viewer:
        viewer.take(scene)
        assert {"/world", "/robot"} <= set(viewer.nodes)
        assert not [name for name in viewer.nodes if name.startswith("/things/")]


def test_an_unknown_world_and_a_missing_viser_are_one_clear_line(monkeypatch):
    with pytest.raises(InputError, match="no world 'atlantis'"):
        Scene("atlantis")
    monkeypatch.setitem(sys.modules, "viser", None)
    with pytest.raises(MissingError, match=r"needs aiohttp and viser; pip install 'vla_sim\[view\]'"):
        Scene("tabletop")
