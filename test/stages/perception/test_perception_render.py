"""Perception on pictures of the embedded engine, held against its truth."""

import numpy as np
import pytest

from vla_sim.common.assets import share_folder
from vla_sim.common.errors import MissingError
from vla_sim.common.geometry import transform
from vla_sim.robot.kinematics import Kinematics
from vla_sim.simulation.simulator import Randomisation
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.stages.perception.detector import ColourDetector
from vla_sim.stages.perception.pipeline import Frame, Perception, unique_objects
from vla_sim.stages.perception.pose_estimator import ObjectModels
from vla_sim.world.semantic_map import World

mujoco = pytest.importorskip("vla_sim.simulation.mujoco.simulator")
pytestmark = pytest.mark.gl


@pytest.mark.parametrize("seed", [1, 2])
def test_every_object_of_the_tabletop_is_found_where_it_is_and_nothing_else(seed):
    world = World.load("tabletop")
    engine = mujoco.MujocoSimulator(share_folder("worlds") / "tabletop.sdf")
    engine.reset(seed, Randomisation(objects=0.03))
    try:
        picture = engine.render(engine.snapshot())
    except MissingError as error:
        pytest.skip(str(error))
    state, truth = engine.state(), engine.truth()
    height, width = picture.depth.shape
    camera = Intrinsics(picture.fx, picture.fy, picture.cx, picture.cy, width, height)
    base = transform(state.odom_position, state.odom_orientation)
    perception = Perception(
        ColourDetector(ObjectModels.of(world.objects)), Kinematics.load(), unique_objects(world)
    )
    frame = Frame(0.0, picture.color, picture.depth, camera, np.eye(4), base, state.joint_position)
    percept = perception.process(frame)
    assert {f"{d.colour}_{d.kind}" for d in percept.detections} == {o.name for o in world.objects}
    for one in percept.detections:
        assert np.linalg.norm(one.position - truth.objects[f"{one.colour}_{one.kind}"][:3]) < 0.01
    table = world.surfaces[0]
    assert np.nanmin(percept.ranges) == pytest.approx(table.x - table.width / 2, abs=0.06)
    engine.close()
