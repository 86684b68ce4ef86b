"""What worlds made for Gazebo have in them, each in a small file of ours (`test/world/gazebo`)."""

from __future__ import annotations

import warnings
from pathlib import Path

import mujoco
import numpy as np
import pytest

from vla_sim.common.errors import SdfError
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.world.sdf import elements, reader
from vla_sim.world.sdf.values import SdfWarning

pytest.importorskip("trimesh", reason="the extra `meshes`")

FILES = Path(__file__).parents[1] / "gazebo"
WORLDS = sorted(str(path.relative_to(FILES)) for path in FILES.rglob("*.sdf") if "models" not in path.parts)
SAID = {
    "a09-auto-inertia/no_inertial.sdf": "no <inertial>: it is taken as 1 kg and 1 kg m^2",
    "a16-odd-step/coarse.sdf": "the physics step of 0.01 s is left for 0.002 s",
    "a16-odd-step/odd.sdf": "the physics step of 0.0007 s is left for 0.002 s",
    "a16-odd-step/tiny.sdf": "the physics step of 1e-07 s is left for 0.002 s",
}
REFUSED = {
    "a16-odd-step/zero.sdf": "zero.sdf:5: <max_step_size> is '0'; it must be positive",
    "a16-odd-step/negative.sdf": "negative.sdf:5: <max_step_size> is '-0.001'; it must be positive",
}


def load(name: str) -> elements.World:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SdfWarning)
        return reader.load_world(FILES / name)


def simulated(name: str) -> MujocoSimulator:
    return MujocoSimulator(load(name), sensors="native", noise=False)


@pytest.mark.parametrize("name", WORLDS)
def test_each_file_loads_in_mujoco_or_says_why_not(name: str) -> None:
    if name in REFUSED:
        with pytest.raises(SdfError) as error:
            MujocoSimulator(FILES / name)
        assert str(error.value).endswith(REFUSED[name])
        return
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", SdfWarning)
        MujocoSimulator(FILES / name)
    messages = [str(one.message) for one in said]
    assert len(messages) == (name in SAID), messages
    assert all(SAID[name] in one for one in messages)


def test_a_merged_include_is_part_of_the_model_that_includes_it() -> None:
    world = load("a01-merge-include/world.sdf")
    corner = world.model("corner")
    assert [link.name for link in corner.links] == ["board"]
    assert corner.frame_pose("board")[:3, 3] == pytest.approx([0.1, 0.2, 0.4])
    assert corner.frame_link("in_front") == corner.frame_link("visitor") == "board"
    assert world.frame_pose("place/shelf")[:3, 3] == pytest.approx([1.65, 1.5, 0.0])


@pytest.mark.parametrize(
    "name", ["child_is_model", "child_is_nested_frame", "parent_is_frame", "parent_is_model_frame"]
)
def test_a_joint_may_end_at_models_and_frames(name: str) -> None:
    (joint,) = load(f"a02-joint-ends/{name}.sdf").model("cabinet").joints
    assert (joint.parent, joint.child) == ("body", "door::panel")
    model = simulated(f"a02-joint-ends/{name}.sdf").model
    door = model.body("cabinet::door::panel")
    assert model.body(door.parentid[0]).name == "cabinet::body"
    assert door.jntnum[0] == 1


def test_what_a_joint_of_the_world_fastens_does_not_fall() -> None:
    simulator = simulated("a04-world-joint/world.sdf")
    body = simulator.model.body("blue_box::link").id
    before = simulator.data.xpos[body].copy()
    for _ in range(500):
        mujoco.mj_step(simulator.model, simulator.data)
    assert before == pytest.approx([1.9, 1.6, 1.5])
    assert np.linalg.norm(simulator.data.xpos[body] - before) < 1e-6


def test_both_of_two_lamps_with_one_name_shine() -> None:
    assert simulated("a05-two-lamps/world.sdf").model.nlight == 3


def test_the_newest_version_of_a_model_is_taken() -> None:
    (collision,) = load("a06-config-order/world.sdf").model("green_box").links[0].collisions
    assert collision.geometry.size == (0.06, 0.06, 0.06)


@pytest.mark.parametrize("name", ["density_in_collision", "density_in_inertial", "mass_given"])
def test_automatic_inertia_is_that_of_the_shape(name: str) -> None:
    """The closed form of a cylinder of 0.034 m by 0.1 m."""
    inertial = load(f"a09-auto-inertia/{name}.sdf").model("red_cup").links[0].inertial
    mass = 0.15 if name == "mass_given" else 413 * np.pi * 0.034**2 * 0.1
    across = mass * (3 * 0.034**2 + 0.1**2) / 12
    assert inertial.mass == pytest.approx(mass)
    assert inertial.inertia == pytest.approx(np.diag([across, across, mass * 0.034**2 / 2]))
    assert not inertial.assumed


@pytest.mark.parametrize(
    ("name", "model", "size"),
    [("furniture", "bench", (0.6, 1.2, 0.5)), ("object", "blue_brick", (0.06, 0.06, 0.08))],
)
def test_a_box_drawn_in_millimetres_is_that_box(name: str, model: str, size: tuple[float, ...]) -> None:
    (collision,) = load(f"a13-obj-millimetres/{name}.sdf").model(model).links[0].collisions
    assert collision.geometry.shape == "box"
    assert collision.geometry.size == pytest.approx(size)
    assert collision.pose[:3, 3] == pytest.approx([0, 0, size[2] / 2])
