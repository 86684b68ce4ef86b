"""The MuJoCo engine: standing, walking, commands, truth, seeds."""

from __future__ import annotations

import numpy as np
import pytest
from mujoco_rig import box, make_world

from vla_sim.common import assets
from vla_sim.common.errors import EngineError, MissingError, SdfError
from vla_sim.common.geometry import yaw_from_quaternion
from vla_sim.robot import facts
from vla_sim.robot.body import JointCommand
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.simulation.simulator import Randomisation
from vla_sim.stages.control.policy import load_policy

pytestmark = pytest.mark.integration

TABLE = box("table", "1.2 0 0.4", "0.6 0.8 0.8")
CUBE = box("cube", "1.2 0 0.85", "0.06 0.06 0.1", static=False, mass=0.2)


@pytest.fixture(scope="module")
def room() -> MujocoSimulator:
    return MujocoSimulator(make_world(TABLE + CUBE + box("wall", "-3 0 1", "0.1 4 2")))


def command(**changes: object) -> JointCommand:
    values = {"position": facts.DEFAULT_POSE.copy(), "stiffness": np.zeros(33), "effort": np.zeros(33)}
    return JointCommand(**{**values, **changes})  # type: ignore[arg-type]


def walk(engine: MujocoSimulator, velocity: tuple[float, float, float], seconds: float) -> None:
    policy = load_policy()
    target = facts.DEFAULT_POSE.copy()
    stiffness = np.zeros(33)
    stiffness[:29], stiffness[29:] = policy.stiffness, 1000.0
    for _ in range(round(seconds * 50)):
        target[:29] = policy.step(engine.state(), np.array(velocity), np.zeros(29))
        engine.command(JointCommand(target, stiffness, np.zeros(33)))
        engine.step()


def test_it_stands_for_ten_seconds_on_both_feet(room: MujocoSimulator) -> None:
    room.reset(1)
    walk(room, (0, 0, 0), 10)
    truth = room.truth()
    assert not truth.fallen
    assert truth.robot[2] == pytest.approx(facts.STANDING_HEIGHT, abs=0.02)
    assert np.hypot(*truth.robot[:2]) < 0.05
    touching = {c.a.split("::")[1] for c in room.contacts() if c.b == "ground::link::floor"}
    assert touching == {"left_ankle_roll_link", "right_ankle_roll_link"}
    weight = sum(c.force for c in room.contacts() if c.b == "ground::link::floor")
    assert weight == pytest.approx(room.model.body_subtreemass[1:].max() * 9.81, rel=0.3)


@pytest.mark.parametrize(
    ("velocity", "ahead", "left", "turned"),
    [((0.5, 0, 0), 1.5, 0.0, 0.0), ((-0.3, 0, 0), -0.9, 0.0, 0.0), ((0, 0, 0.5), 0.0, 0.0, 1.8)],
)
def test_it_walks_about_as_fast_as_it_is_told(
    velocity: tuple[float, float, float], ahead: float, left: float, turned: float
) -> None:
    engine = MujocoSimulator(make_world())
    walk(engine, velocity, 4)
    pose = engine.truth().robot
    assert not engine.truth().fallen
    assert pose[:2] == pytest.approx([ahead, left], abs=0.45)
    assert yaw_from_quaternion(pose[3:]) == pytest.approx(turned, abs=0.35)


def test_a_limp_robot_falls(room: MujocoSimulator) -> None:
    room.reset()
    for _ in range(100):
        room.step()
    assert room.truth().fallen


def test_the_same_seed_gives_the_same_run_and_another_does_not(room: MujocoSimulator) -> None:
    def run(seed: int) -> tuple[np.ndarray, np.ndarray]:
        room.reset(seed, Randomisation(objects=0.1, start=0.4, start_yaw=0.5))
        walk(room, (0.3, 0, 0), 0.5)
        return np.concatenate([room.truth().robot, room.truth().objects["cube"]]), room.scan().ranges

    first, again, other = run(3), run(3), run(4)
    assert (first[0] == again[0]).all()
    assert (first[1] == again[1]).all()
    assert np.abs(first[0] - other[0]).max() > 0.01


def test_displaced_objects_stay_on_their_table_and_the_start_stays_clear(room: MujocoSimulator) -> None:
    room.reset()
    home = room.truth()
    offsets = []
    for seed in range(25):
        room.reset(seed, Randomisation(objects=0.1, start=0.5, start_yaw=0.5))
        truth = room.truth()
        offset = truth.objects["cube"] - home.objects["cube"]
        offsets.append(np.abs(offset[:2]).max())
        assert offsets[-1] <= 0.1
        assert np.hypot(*(truth.robot[:2] - home.robot[:2])) <= 0.5
        assert truth.clearance > 0.05
        for _ in range(5):
            room.step()
        assert room.truth().objects["cube"][2] == pytest.approx(home.objects["cube"][2], abs=1e-3)
    assert 0.03 < np.mean(offsets) < 0.1


def test_an_object_at_the_edge_is_not_pushed_over_it() -> None:
    edge = box("cube", "0.96 0.36 0.85", "0.06 0.06 0.1", static=False)
    engine = MujocoSimulator(make_world(TABLE + edge))
    for seed in range(15):
        engine.reset(seed, Randomisation(objects=0.1))
        x, y = engine.truth().objects["cube"][:2]
        assert x >= 0.93
        assert y <= 0.37


@pytest.mark.parametrize(
    "changes",
    [{"position": np.full(33, np.nan)}, {"stiffness": np.zeros(29)}, {"effort": np.full(33, np.inf)}],
)
def test_a_bad_command_is_refused(room: MujocoSimulator, changes: dict[str, np.ndarray]) -> None:
    with pytest.raises(
        EngineError, match=f"the joint command's {next(iter(changes))} has .* 33 finite numbers"
    ):
        room.command(command(**changes))


def test_a_command_beyond_the_limits_is_clipped_to_them(room: MujocoSimulator) -> None:
    room.reset()
    room.command(command(position=np.full(33, 9.0)))
    knee = facts.INDEX["left_knee_joint"]
    assert room.data.ctrl[knee] == pytest.approx(2.8798)


def test_effort_is_limited_to_the_motors(room: MujocoSimulator) -> None:
    room.reset()
    room.command(command(effort=np.full(33, 1e4)))
    room.step()
    wrist = facts.INDEX["left_wrist_yaw_joint"]
    assert room.data.actuator_force[wrist] == pytest.approx(5.0)


def test_damping_is_the_commands_where_it_gives_one_and_else_the_models(room: MujocoSimulator) -> None:
    room.reset()
    knee = facts.INDEX["left_knee_joint"]
    room.command(command(damping=np.full(33, 7.0)))
    assert room.model.dof_damping.reshape(room.model.nv, -1)[room._v[knee], 0] == 7.0
    room.command(command())
    assert room.model.dof_damping.reshape(room.model.nv, -1)[room._v[knee], 0] == room.model_damping[knee]
    room.command(command(damping=np.full(33, 7.0)))
    room.reset()
    assert room.model.dof_damping.reshape(room.model.nv, -1)[room._v[knee], 0] == room.model_damping[knee]


@pytest.mark.parametrize("damping", [8.0, 40.0])
def test_damping_that_is_more_than_the_models_stops_light_joints_and_does_not_shake_them(
    damping: float,
) -> None:
    """Programs damp every motor of a robot that hangs alike, with 8 Nms/rad for instance."""
    hangs = MujocoSimulator(make_world(), noise=False)
    armature = hangs.model.dof_armature.copy()
    hangs.hang()
    for _ in range(75):
        hangs.command(command(damping=np.full(33, damping)))
        hangs.step()
    assert np.abs(hangs.data.qvel[hangs._v]).max() < 2.0
    hangs.reset()
    np.testing.assert_array_equal(hangs.model.dof_armature, armature)


def test_a_shorter_period_is_the_same_physics() -> None:
    """Ten steps of 2 ms are one of 20 ms."""
    fine, coarse = (MujocoSimulator(make_world(), noise=False, period=period) for period in (0.002, 0.02))
    for engine, steps in ((fine, 100), (coarse, 10)):
        engine.command(command(stiffness=np.full(33, 60.0)))
        for _ in range(steps):
            engine.step()
    np.testing.assert_array_equal(fine.data.qpos, coarse.data.qpos)
    assert fine.time == pytest.approx(coarse.time)


def test_a_diverging_simulation_is_an_error_not_a_number() -> None:
    engine = MujocoSimulator(make_world())
    engine.data.qvel[8] = 1e12
    with pytest.raises(EngineError, match="the simulation diverged at"):
        engine.step()


def test_clearance_is_the_distance_to_fixed_things_not_to_loose_ones() -> None:
    engine = MujocoSimulator(
        make_world(box("wall", "-0.5 0 1", "0.1 4 2") + CUBE.replace("1.2 0 0.85", "0.3 0.6 0.05"))
    )
    back = engine.truth().clearance
    assert 0.25 < back < 0.45
    engine.data.qpos[0] -= 0.1
    engine.step()
    assert engine.truth().clearance == pytest.approx(back - 0.1, abs=0.02)


def test_what_lands_within_a_step_is_in_its_contacts() -> None:
    engine = MujocoSimulator(make_world(box("brick", "2 0 0.3", "0.1 0.1 0.1", static=False)))
    landed = []
    for _ in range(40):
        engine.step()
        landed += [
            c.force for c in engine.contacts() if (c.a, c.b) == ("brick::link::box", "ground::link::floor")
        ]
    assert max(landed) > 20.0
    assert landed[-1] == pytest.approx(0.5 * 9.81, rel=0.05)


def test_a_follower_walks_between_its_waypoints() -> None:
    plugin = """<plugin filename="gz-sim-trajectory-follower-system"
    name="gz::sim::systems::TrajectoryFollower"><loop>true</loop><waypoints><waypoint>2 1</waypoint>
    <waypoint>2 -1</waypoint></waypoints></plugin></model>"""
    engine = MujocoSimulator(
        make_world(box("cart", "2 1 0.5", "0.2 0.2 1", False).replace("</model>", plugin))
    )
    places = []
    for _ in range(200):
        engine.step()
        places.append(engine.data.mocap_pos[0, 1])
    assert places[-1] == pytest.approx(1 - 0.4 * 4, abs=0.02)
    truth = engine.truth()
    assert truth.movers["cart"][:2] == pytest.approx([2, places[-1]])
    assert "cart" not in truth.objects


def test_odometry_begins_at_the_true_pose_and_drifts() -> None:
    engine = MujocoSimulator(make_world(at="2 1 0.79"))
    assert engine.state().odom_position[:2] == pytest.approx([2, 1], abs=1e-6)
    walk(engine, (0.8, 0, 0), 3)
    error = engine.state().odom_position[:2] - engine.truth().robot[:2]
    assert 1e-4 < np.hypot(*error) < 0.15


def test_sensors_can_be_exact() -> None:
    engine = MujocoSimulator(make_world(), noise=False)
    state, truth = engine.state(), engine.truth()
    assert state.joint_position == pytest.approx(facts.DEFAULT_POSE)
    assert state.linear_acceleration_base == pytest.approx([0, 0, 9.81])
    assert state.odom_orientation == pytest.approx(truth.robot[3:])


def test_a_state_is_not_touched_again(room: MujocoSimulator) -> None:
    room.reset()
    state = room.state()
    kept = state.joint_position.copy()
    state.joint_position += 1.0
    room.step()
    assert room.state().joint_position[0] == pytest.approx(kept[0], abs=0.2)


def test_the_lidar_sees_walls_and_loose_things_but_not_the_robot() -> None:
    engine = MujocoSimulator(make_world(box("wall", "2.05 0 1", "0.1 6 2")), noise=False)
    frame = engine.scan()
    row, column = int(np.argmin(np.abs(frame.elevation))), int(np.argmin(np.abs(frame.azimuth)))
    assert frame.ranges[row, column] == pytest.approx(2.0, abs=0.02)
    assert frame.ranges[frame.elevation > 0.05, 0].min() == np.inf
    assert frame.ranges.min() > 0.7


def test_a_world_without_the_robot_is_refused() -> None:
    from dataclasses import replace

    world = make_world()
    with pytest.raises(SdfError, match="has no model named 'g1'"):
        MujocoSimulator(replace(world, models=world.models[:1]))


@pytest.mark.parametrize(("floor", "cup", "meet"), [("0xFFFFFFFF", "0x80000000", True), ("0x7F", "-1", True),
                                                    ("0x7FFFFFFF", "0x80000000", False)])  # fmt: skip
def test_every_bit_of_a_mask_counts(floor: str, cup: str, meet: bool) -> None:
    mask = "<surface><contact><collide_bitmask>{}</collide_bitmask></contact></surface></collision>".format
    fixed = box("plate", "2 0 0.5", "0.4 0.4 0.02").replace("</collision>", mask(floor), 1)
    loose = box("cup", "2 0 0.57", "0.1 0.1 0.1", False).replace("</collision>", mask(cup), 1)
    engine = MujocoSimulator(make_world(fixed + loose), sensors="software")
    for _ in range(20):
        engine.step()
    assert bool(engine.truth().objects["cup"][2] > 0.5) is meet


@pytest.mark.parametrize("normal", [(0, 0, 1), (1, 0, 0), (0, 1, 0), (0, 0, -1), (-0.6, 0.0, 0.8)])
def test_a_plane_is_turned_to_its_normal_by_the_shortest_way_for_every_renderer(normal) -> None:
    """As Gazebo turns it: its sides are not of one length."""
    plane = f"<plane><normal>{' '.join(map(str, normal))}</normal><size>4 1</size></plane>"
    visual = f"<visual name='v'><geometry>{plane}</geometry></visual>"
    board = f"<model name='board'><static>1</static><link name='l'>{visual}</link></model>"
    engine = MujocoSimulator(make_world(board), sensors="software")
    scene = engine._eyes.scene
    [one] = np.flatnonzero(scene.shapes.link == scene.links.index("board::l"))
    ours, native = scene.shapes.local[one, :3, :3], engine.data.geom("board::l::v#visual").xmat.reshape(3, 3)
    side = {(1, 0, 0): (0, 0, -1), (0, 1, 0): (1, 0, 0), (-0.6, 0.0, 0.8): (0.8, 0, 0.6)}.get(
        normal, (1, 0, 0)
    )
    np.testing.assert_allclose(ours[:, 0], side, atol=1e-9)
    np.testing.assert_allclose(native, ours, atol=1e-9)


def test_a_negative_seed_is_refused(room: MujocoSimulator) -> None:
    with pytest.raises(EngineError, match="the seed is -1; it must be 0 or more"):
        room.reset(-1)


def test_what_is_put_down_stays_there() -> None:
    engine = MujocoSimulator(assets.find_world("tabletop"), noise=False)
    engine.reset()
    engine.put("red_cup", np.array([1.02, 0.25, 0.812, 1.0, 0.0, 0.0, 0.0]))
    for _ in range(25):
        engine.step()
    assert engine.truth().objects["red_cup"][:3] == pytest.approx([1.02, 0.25, 0.81], abs=2e-3)
    with pytest.raises(EngineError, match=r"red_cup cannot be put at .*1[01] mm inside table"):
        engine.put("red_cup", np.array([1.02, 0.25, 0.80, 1.0, 0.0, 0.0, 0.0]))
    with pytest.raises(EngineError, match="'teapot' cannot be moved: the loose models are blue_box"):
        engine.put("teapot", np.zeros(7))


def test_a_textured_mesh_is_drawn_with_its_texture(tmp_path):
    """Half red, half blue, seen from the right side: the first row of an image is its top."""
    pytest.importorskip("trimesh", reason="the extra `meshes`")
    from PIL import Image

    image = Image.new("RGB", (64, 64), (255, 0, 0))
    image.paste((0, 0, 255), (0, 32, 64, 64))
    image.save(tmp_path / "skin.png")
    (tmp_path / "a.mtl").write_text("newmtl skin\nmap_Kd skin.png\n")
    (tmp_path / "a.obj").write_text(
        "mtllib a.mtl\nusemtl skin\nv 0 -1 0\nv 0 1 0\nv 0 1 2\nv 0 -1 2\n"
        "vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nf 1/1 2/2 3/3\nf 1/1 3/3 4/4\n"
    )
    mesh = "<geometry><mesh><uri>a.obj</uri></mesh></geometry>"
    (tmp_path / "w.sdf").write_text(
        "<sdf version='1.10'><world name='w'><include><uri>model://sun</uri></include>"
        "<include><uri>model://ground_plane</uri></include><model name='m'>"
        f"<static>1</static><pose>3 0 0 0 0 0</pose><link name='l'><visual name='v'>{mesh}</visual></link>"
        "</model></world></sdf>"
    )
    simulator = MujocoSimulator(tmp_path / "w.sdf", sensors="native", noise=False)
    try:
        picture = simulator.view(simulator.snapshot(), np.array([5.0, 0, 1]), np.array([3.0, 0, 1]), (64, 64))
    except MissingError:
        pytest.skip("no GL")
    finally:
        simulator.close()
    upper, lower = picture[16, 32].astype(int), picture[44, 32].astype(int)
    assert upper[0] > upper[2] + 40, upper
    assert lower[2] > lower[0] + 40, lower
