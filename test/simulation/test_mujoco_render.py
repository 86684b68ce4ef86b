"""What the head camera sees."""

from __future__ import annotations

import math
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import mujoco
import numpy as np
import pytest
from mujoco_rig import box, make_world

from vla_sim.common.errors import EngineError, MissingError
from vla_sim.simulation.mujoco.render import make_context
from vla_sim.simulation.mujoco.simulator import MujocoSimulator

pytestmark = pytest.mark.gl


@pytest.fixture(scope="module")
def engine() -> MujocoSimulator:
    return MujocoSimulator(make_world(box("block", "0.9 0 0.3", "0.2 0.2 0.6")), noise=False)


def test_depth_is_metric_along_the_optical_axis(engine: MujocoSimulator) -> None:
    frame = engine.render(engine.snapshot())
    camera = mujoco.mj_name2id(engine.model, mujoco.mjtObj.mjOBJ_CAMERA, "head_camera")
    height = engine.data.cam_xpos[camera, 2]
    down = math.asin(engine.data.cam_xmat[camera].reshape(3, 3)[2, 2])  # of the optical axis
    row, column = 200, 20  # floor beside the block
    x, y = (column - frame.cx) / frame.fx, (row - frame.cy) / frame.fy
    expected = height / (math.sin(down) + y * math.cos(down))
    assert frame.depth[row, column] == pytest.approx(expected, abs=0.01)
    assert abs(x) < 1


def test_the_block_is_where_its_pixels_say(engine: MujocoSimulator) -> None:
    frame = engine.render(engine.snapshot())
    camera = mujoco.mj_name2id(engine.model, mujoco.mjtObj.mjOBJ_CAMERA, "head_camera")
    red = (frame.color[..., 0] > 60) & (frame.color[..., 1] < 60)
    rows, columns = np.nonzero(red)
    z = frame.depth[rows, columns]
    optical = np.stack([(columns - frame.cx) / frame.fx * z, (rows - frame.cy) / frame.fy * z, z])
    # MuJoCo's camera has y up and looks along -z.
    points = (
        engine.data.cam_xpos[camera]
        + (engine.data.cam_xmat[camera].reshape(3, 3) @ (optical * [[1], [-1], [-1]])).T
    )
    assert np.percentile(points[:, 2], 99) == pytest.approx(0.6, abs=0.01)
    assert np.percentile(points[:, 1], [1, 99]) == pytest.approx([-0.1, 0.1], abs=0.01)
    assert np.percentile(points[:, 0], 1) == pytest.approx(0.8, abs=0.01)


def test_a_smaller_image_shows_the_same_view(engine: MujocoSimulator) -> None:
    whole, half = engine.render(engine.snapshot()), engine.render(engine.snapshot(), shrink=2)
    assert half.depth.shape == (whole.depth.shape[0] // 2, whole.depth.shape[1] // 2)
    assert half.color.shape == (*half.depth.shape, 3)
    edges = [(0 - f.cx) / f.fx - 0.5 / f.fx for f in (whole, half)]
    assert edges[1] == pytest.approx(edges[0], abs=1e-9)
    # the same floor and block behind the same direction, but for the block's edges
    near = whole.depth[::2, ::2]
    assert np.nanmedian(np.abs(half.depth - near)) < 0.01
    picked = whole.shrunk(2)
    assert picked.depth.shape == half.depth.shape
    at = (100, 10)
    direction = [((at[1] - f.cx) / f.fx, (at[0] - f.cy) / f.fy) for f in (picked,)]
    expected = ((2 * at[1] - whole.cx) / whole.fx, (2 * at[0] - whole.cy) / whole.fy)
    assert direction[0] == pytest.approx(expected)
    assert picked.depth[at] == whole.depth[200, 20]


def test_a_camera_of_more_pixels_than_a_view_sees_as_far_to_the_right() -> None:
    world = make_world()
    robot = world.model("g1")
    links = tuple(
        replace(link, sensors=tuple(
            replace(one, camera=replace(one.camera, width=2560, height=1200)) if one.camera else one
            for one in link.sensors
        )) for link in robot.links
    )  # fmt: skip
    models = tuple(replace(one, links=links) if one is robot else one for one in world.models)
    wide = MujocoSimulator(replace(world, models=models), sensors="native", noise=False)
    frame = wide.render(wide.snapshot())
    assert np.isfinite(frame.depth).mean() > 0.95
    assert frame.color.reshape(-1, 3).any(axis=1).mean() > 0.95


def test_depth_out_of_range_is_nan() -> None:
    engine = MujocoSimulator(make_world(), noise=False)
    engine.data.qpos[2] = 8.0
    frame = engine.render(engine.snapshot())
    hands = frame.depth < 1.0
    assert hands.mean() < 0.05
    assert np.isnan(frame.depth[~hands]).all()


def test_noise_is_that_of_the_seed_and_grows_with_depth() -> None:
    engine = MujocoSimulator(make_world(box("block", "0.9 0 0.3", "0.2 0.2 0.6")))
    clean = MujocoSimulator(make_world(box("block", "0.9 0 0.3", "0.2 0.2 0.6")), noise=False)
    first, again = engine.render(engine.snapshot()), engine.render(engine.snapshot())
    assert (first.color == again.color).all()
    exact = clean.render(clean.snapshot())
    error = first.depth - exact.depth
    assert 0.001 < np.nanstd(error[exact.depth < 1.0]) < np.nanstd(error[exact.depth > 1.4]) < 0.015
    assert 1.0 < np.std(first.color.astype(float) - exact.color) < 3.0
    engine.reset(5)
    assert (engine.render(engine.snapshot()).color != first.color).any()


def test_another_thread_can_render_while_this_one_steps() -> None:
    engine = MujocoSimulator(make_world())
    with ThreadPoolExecutor(1) as pool:
        frames = []
        for _ in range(3):
            frames.append(pool.submit(engine.render, engine.snapshot()))
            engine.step()
        assert [f.result().time for f in frames] == pytest.approx([0.0, 0.02, 0.04])


def test_a_view_has_the_asked_size(engine: MujocoSimulator) -> None:
    picture = engine.view(engine.snapshot(), np.array([2, 2, 1.5]), np.array([0, 0, 0.8]), (200, 100))
    assert picture.shape == (100, 200, 3)
    assert picture.std() > 5
    with pytest.raises(EngineError, match="at most 1280x960"):
        engine.view(engine.snapshot(), np.zeros(3), np.ones(3), (5000, 10))


def test_a_view_is_right_after_another_renderer_of_the_thread_has_ended(engine: MujocoSimulator) -> None:
    def view(of: MujocoSimulator) -> np.ndarray:
        return of.view(of.snapshot(), np.array([2, 2, 1.5]), np.array([0, 0, 0.8]), (200, 100))

    before, other = view(engine), MujocoSimulator(make_world(), noise=False)
    assert (view(other) != before).any()
    assert (view(engine) == before).all()
    other.close()
    assert (view(engine) == before).all()


def test_missing_gl_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "off")
    with pytest.raises(MissingError, match="apt install libegl1 libgl1-mesa-dri"):
        make_context(32, 32)


def test_a_library_that_is_not_installed_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        def __getattr__(self, name: str) -> None:  # as PyOpenGL without libEGL
            raise AttributeError("'NoneType' object has no attribute 'eglQueryString'")

    monkeypatch.setenv("MUJOCO_GL", "egl")
    monkeypatch.setitem(sys.modules, "mujoco.egl", SimpleNamespace(GLContext=lambda *_: Missing().display))
    with pytest.raises(MissingError, match=r"^no GL for MUJOCO_GL=egl: its library is not installed; "):
        make_context(8, 8)
