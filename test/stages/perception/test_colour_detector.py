import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perception_scene import BLUE, CREAM, GREEN, GREY, HEAD, RED, YELLOW, Scene, look

from vla_sim.contract.vocabulary import COLOURS
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.stages.perception.detector import ColourDetector
from vla_sim.stages.perception.pose_estimator import ObjectModels
from vla_sim.world.colour_names import label_of
from vla_sim.world.objects import ObjectKind

TOP = 0.75
KINDS = {
    "cup": ("cylinder", (0.068, 0.068, 0.10)),
    "ball": ("sphere", (0.07, 0.07, 0.07)),
    "box": ("box", (0.06, 0.06, 0.09)),
}


@pytest.fixture(scope="module")
def detector():
    one = ColourDetector()
    one.warm()
    return one


def put(scene, kind, x, y, rgb=RED, yaw=0.0, base=TOP):
    shape, size = KINDS[kind]
    return scene.add(shape, size, (x, y, base + size[2] / 2, yaw), rgb)


def bottle(scene, x, y, rgb=RED):
    scene.add("cylinder", (0.06, 0.06, 0.1368), (x, y, TOP + 0.0684, 0), rgb)
    return scene.add("cylinder", (0.027, 0.027, 0.0432), (x, y, TOP + 0.1584, 0), rgb)


def see(detector, scene, camera=HEAD, pose=None, noise=0.006, seed=0):
    pose = look() if pose is None else pose
    return detector.detect(*scene.render(camera, pose, noise, seed), camera, pose)


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("x", [0.42, 0.7, 1.0])
def test_centre_is_found_within_a_centimetre(detector, kind, x):
    (found,) = see(detector, put(Scene().table(), kind, x, 0.1, yaw=0.3), noise=0.01)
    assert (found.kind, found.colour) == (kind, "red")
    height = KINDS[kind][1][2]
    assert np.linalg.norm(found.position - [x, 0.1, TOP + height / 2]) < 0.006
    assert found.confidence > 0.6


def test_a_bottle_is_a_bottle(detector):
    (found,) = see(detector, bottle(Scene().table(), 0.7, -0.1))
    assert found.kind == "bottle"
    assert np.linalg.norm(found.position - [0.7, -0.1, TOP + 0.09]) < 0.008


def test_yaw_of_a_box_is_found(detector):
    for yaw in (-0.6, 0.3):
        (found,) = see(detector, put(Scene().table(), "box", 0.6, 0.0, yaw=yaw))
        assert abs(math.remainder(found.yaw - yaw, math.pi / 2)) < 0.08


def test_pose_is_in_the_frame_of_the_camera_pose(detector):
    scene = put(Scene().table(near=0.3), "cup", 0.8, 0.1)
    pose = look(height=1.25, pitch=0.75, x=0.1, y=0.2, yaw=-0.15)
    (found,) = see(detector, scene, pose=pose)
    assert np.linalg.norm(found.position - [0.8, 0.1, TOP + 0.05]) < 0.006


def test_several_things_are_told_apart(detector):
    scene = Scene().table()
    put(scene, "cup", 0.6, 0.2, RED)
    put(scene, "cup", 0.6, 0.11, RED)  # nearly touching
    put(scene, "ball", 0.7, -0.1, YELLOW)
    put(scene, "box", 0.55, -0.25, BLUE)
    bottle(scene, 0.75, 0.0, GREEN)
    found = sorted((d.colour, d.kind) for d in see(detector, scene))
    assert found == [
        ("blue", "box"), ("green", "bottle"), ("red", "cup"), ("red", "cup"), ("yellow", "ball"),
    ]  # fmt: skip


def test_a_thing_partly_behind_another_is_found_in_place(detector):
    scene = put(put(Scene().table(), "ball", 0.62, 0.0, YELLOW), "cup", 0.72, 0.02, RED)
    cup = next(d for d in see(detector, scene) if d.colour == "red")
    assert cup.kind == "cup"
    assert cup.visible < 1.0
    assert np.linalg.norm(cup.position - [0.72, 0.02, TOP + 0.05]) < 0.01


def test_furniture_is_no_object(detector):
    scene = Scene().table(rgb=CREAM)
    scene.add("box", (0.9, 2.0, 0.5), (2.2, 0.0, 0.25, 0), RED)  # sofa
    scene.add("box", (1.5, 1.5, 0.01), (1.0, -1.2, 0.005, 0), BLUE)  # rug
    scene.add("box", (0.24, 0.17, 0.03), (0.7, 0.0, TOP + 0.015, 0.2), GREEN)  # book
    scene.add("box", (0.03, 1.6, 0.03), (0.32, 0.0, TOP - 0.02, 0), YELLOW)  # edge strip
    assert see(detector, scene) == []


def test_a_grey_gripper_is_no_object(detector):
    scene = Scene().table()
    scene.add("box", (0.06, 0.03, 0.03), (0.45, 0.0, 0.9, 0), (0.12, 0.12, 0.13))
    scene.add("box", (0.1, 0.1, 0.06), (0.38, 0.0, 0.9, 0), (0.7, 0.71, 0.72))
    assert see(detector, scene) == []


def test_a_thing_held_in_the_air_is_found(detector):
    (found,) = see(detector, put(Scene().table(), "cup", 0.5, 0.05, base=TOP + 0.2))
    assert found.kind == "cup"
    assert np.linalg.norm(found.position - [0.5, 0.05, TOP + 0.25]) < 0.015


@pytest.mark.parametrize("y", [0.41, 0.45, 0.49])
def test_half_a_thing_at_the_border_is_never_surely_wrong(detector, y):
    for found in see(detector, put(Scene().table(), "cup", 0.55, y)):
        assert found.kind == "cup" or found.confidence < 0.35


def test_the_size_of_the_image_may_change(detector):
    scene = put(Scene().table(), "cup", 0.6, 0.1)
    for size in ((360, 270), (160, 120)):
        camera = Intrinsics.from_field_of_view(1.2043, *size)
        (found,) = see(detector, scene, camera)
        assert np.linalg.norm(found.position - [0.6, 0.1, TOP + 0.05]) < 0.01


def test_holes_in_depth_are_bridged(detector):
    rgb, depth = put(Scene().table(), "cup", 0.6, 0.1).render(noise=0.006)
    depth[np.random.default_rng(0).random(depth.shape) < 0.4] = np.nan
    (found,) = detector.detect(rgb, depth, HEAD, look())
    assert np.linalg.norm(found.position - [0.6, 0.1, TOP + 0.05]) < 0.01


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -1.0, 1e9])
def test_depth_without_sense_gives_nothing(detector, value):
    rgb, depth = put(Scene().table(), "cup", 0.6, 0.1).render()
    assert detector.detect(rgb, np.full_like(depth, value), HEAD, look()) == []


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**6))
def test_noise_images_do_not_crash(detector, seed):
    rng = np.random.default_rng(seed)
    camera = Intrinsics.from_field_of_view(1.2, 80, 60)
    rgb = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8).repeat(10, 0).repeat(10, 1)
    depth = rng.choice(np.array([np.nan, 0.3, 1.0, 3.0, np.inf], np.float32), rgb.shape[:2])
    for found in detector.detect(rgb, depth, camera, look()):
        assert 0.0 <= found.confidence <= 1.0
        assert np.isfinite(found.position).all()


def test_a_few_far_pixels_are_not_sure(detector):
    scene = put(Scene().add("box", (20, 20, 0.1), (0, 0, -0.05, 0), GREY), "ball", 2.1, 0.0, base=0.0)
    assert all(d.confidence < 0.75 for d in see(detector, scene))


def test_what_the_world_has_is_likelier():
    kinds = [ObjectKind("red_cup", "cup", "red", "cylinder", (0.068, 0.068, 0.10), 0.15)]
    models = ObjectModels.of(kinds)
    assert not models.unlikely("cup", "red")
    assert models.unlikely("cup", "blue")
    (found,) = see(ColourDetector(models), put(Scene().table(), "cup", 0.7, 0.0))
    assert found.size == (0.068, 0.068, 0.10)


def test_a_white_cup_is_looked_for_only_where_the_world_has_one(detector):
    kinds = [ObjectKind("white_cup", "cup", "white", "cylinder", (0.068, 0.068, 0.10), 0.15)]
    scene = put(Scene().table(), "cup", 0.7, 0.0, (1.6, 1.6, 1.6))
    scene.things[-1] = (*scene.things[-1][:3], (1.0, 1.0, 1.0))
    rgb, depth = scene.render()
    rgb[(rgb.min(-1) > 120) & (np.ptp(rgb, axis=-1) < 8)] = 235
    assert detector.detect(rgb, depth, HEAD, look()) == []
    (found,) = ColourDetector(ObjectModels.of(kinds)).detect(rgb, depth, HEAD, look())
    assert (found.kind, found.colour) == ("cup", "white")


@pytest.mark.parametrize("colour", COLOURS)
def test_every_colour_that_an_object_can_have_is_looked_for(colour):
    words = ObjectModels.of([ObjectKind("m", "cup", colour, "cylinder", (0.07, 0.07, 0.1), 0.1)])
    assert words.colours[label_of(colour)]


def test_an_empty_grey_room_shows_nothing(detector):
    assert see(detector, Scene().add("box", (20, 20, 0.1), (0, 0, -0.05, 0), GREY)) == []


def test_a_hand_under_a_held_thing_is_not_its_table(detector):
    scene = put(Scene().table(near=0.6), "cup", 0.4, 0.1, base=0.75)
    scene.add("box", (0.04, 0.13, 0.08), (0.31, 0.1, 0.80, 0), (0.8, 0.81, 0.83))
    cup = next(d for d in see(detector, scene) if d.colour == "red")
    assert (cup.kind, len(cup.position)) == ("cup", 3)
    assert np.linalg.norm(cup.position - [0.4, 0.1, 0.80]) < 0.008
