"""People who walk as people do, in both of our own simulators: they give way to the robot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from lxml import etree

from vla_sim.common.assets import share_folder
from vla_sim.common.errors import SdfError
from vla_sim.simulation.kinematic import KinematicSimulator
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.simulation.simulator import Simulator
from vla_sim.simulation.waypoint_motion import WaypointMotion
from vla_sim.world.derived_world import Added, derive
from vla_sim.world.sdf import reader
from vla_sim.world.sdf.elements import Model

pytestmark = pytest.mark.integration
WAY = [(2.0, 0.05), (-2.0, 0.05), (-2.0, -0.05), (2.0, -0.05)]
SECONDS = 10.0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corridor with somebody whose way leads through where the robot stands."""
    folder = tmp_path_factory.mktemp("worlds")
    person = Added(model="person", name="walker", x=2.0, y=0.0, walk=WAY, speed=0.8, social=True)
    return Path(derive("corridor", folder, add=[person], remove=["person"]).real)


@pytest.fixture(params=["mujoco", "kinematic"])
def engine(world: Path, request: pytest.FixtureRequest) -> Simulator:
    if request.param == "mujoco":
        return MujocoSimulator(world, noise=False, sensors="software")
    return KinematicSimulator(world)


def walked(engine: Simulator, seed: int, seconds: float) -> tuple[np.ndarray, float]:
    """(steps, 2) where the walker went, and how near it came to the robot [m], middle to middle."""
    engine.reset(seed)
    way, nearest = [], np.inf
    for _ in range(round(seconds / 0.02)):
        engine.step()
        truth = engine.truth()
        at = truth.movers["walker"][:2]
        way.append(at)
        nearest = min(nearest, float(np.hypot(*(at - truth.robot[:2]))))
    return np.array(way), nearest


def test_the_robot_is_walked_around_or_turned_back_from(engine: Simulator) -> None:
    way, nearest = walked(engine, 0, SECONDS)
    assert nearest > 0.55  # a body of 0.2 m, and the robot's elbows
    assert way[:, 0].min() < 1.3  # it came


def test_a_seed_says_how_somebody_walks(engine: Simulator) -> None:
    first, _ = walked(engine, 0, 2.0)
    other, _ = walked(engine, 1, 2.0)
    again, _ = walked(engine, 0, 2.0)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def person(change: Callable[[etree._Element], object]) -> Model:
    """The corridor's, whose plugin was changed."""
    path = share_folder("worlds") / "corridor.sdf"
    tree = etree.fromstring(path.read_bytes())
    change(next(one for one in tree.iter("plugin") if one.get("name", "").endswith("TrajectoryFollower")))
    root = reader.loads(etree.tostring(tree), path)
    return next(model for model in root.world.models if model.name == "person")


def test_who_walks_nowhere_as_people_do_is_refused() -> None:
    def change(plugin: etree._Element) -> None:
        plugin.remove(plugin.find("waypoints"))
        etree.SubElement(plugin, "social_force").text = "true"

    with pytest.raises(SdfError, match="needs a <waypoint> to walk to"):
        WaypointMotion.of(person(change))


@pytest.mark.parametrize("tag", ["waypoints/waypoint", "force"])
@pytest.mark.parametrize("text", ["nan nan", "nan", "inf 0", "-1e400", "far"])
def test_a_walk_of_what_are_no_numbers_is_refused(tag: str, text: str) -> None:
    with pytest.raises(SdfError, match="needs two numbers"):
        WaypointMotion.of(person(lambda plugin: setattr(plugin.find(tag), "text", text)))
