import numpy as np
import pytest
from perception_scene import HEAD, look

from vla_sim.stages.perception.pose_estimator import Detection
from vla_sim.stages.perception.tracker import CONFIRMED, Tracker, View

HERE = np.array([0.7, 0.1, 0.8])


def seen(position=HERE, kind="cup", colour="red", confidence=1.0, visible=1.0, yaw=0.0):
    size = (0.07, 0.07, 0.07) if kind == "ball" else (0.06, 0.06, 0.10)
    at = np.array(position, float)
    return Detection(kind, colour, confidence, at, yaw, size, (0, 0, 9, 9), 0.6, visible)


def beside(x=0.0, y=0.0):
    return HERE + np.array([x, y, 0.0])


def view(depth=0.65, pose=None):
    """The head camera's view of a surface at one depth; `HERE` is about 0.65 m along its axis."""
    return View(HEAD, look() if pose is None else pose, np.full((240, 320), depth, np.float32))


def track(*steps, tracker=None, start=0.0):
    """A tracker after steps (detections, view) at 10 Hz."""
    tracker = tracker or Tracker()
    for i, (detections, what) in enumerate(steps):
        tracker.update(detections, what, start + 0.1 * i)
    return tracker


def test_a_thing_is_told_after_a_few_sightings_and_not_before():
    tracker = Tracker()
    for i in range(CONFIRMED):
        assert tracker.objects() == []
        tracker.update([seen()], view(), 0.1 * i)
    (one,) = tracker.objects()
    assert (one.kind, one.colour, one.sightings) == ("cup", "red", CONFIRMED)
    np.testing.assert_allclose(one.position, HERE)


def test_noise_is_averaged():
    rng = np.random.default_rng(0)
    tracker = track(*[([seen(HERE + rng.normal(0, 0.004, 3))], view()) for _ in range(60)])
    (one,) = tracker.objects()
    assert np.linalg.norm(np.array(one.position) - HERE) < 0.005
    assert one.confidence > 0.95


def test_a_thing_that_is_moved_is_followed_at_once():
    tracker = track(*[([seen()], view())] * 20)
    for i in range(10):
        tracker.update([seen(beside(x=0.05 * (i + 1)))], view(), 2.0 + 0.1 * i)
    (one,) = tracker.objects()
    assert np.linalg.norm(np.array(one.position) - beside(x=0.5)) < 0.02
    assert one.track_id == 1


def test_two_of_a_kind_eight_centimetres_apart_stay_two():
    pair = [seen(), seen(beside(y=0.08))]
    tracker = track(*[(pair[:: 1 if i % 2 else -1], view()) for i in range(30)])
    assert len(tracker.objects()) == 2
    assert len({o.track_id for o in tracker.objects()}) == 2


def test_one_of_two_is_kept_while_the_other_alone_is_seen():
    tracker = track(*[([seen(), seen(beside(y=0.1))], view())] * 10)
    away = look(yaw=2.0)
    track(*[([seen()], view(pose=away))] * 10, tracker=tracker, start=1.0)
    assert len(tracker.objects()) == 2


def test_other_colours_are_other_things():
    tracker = track(*[([seen(), seen(beside(y=0.03), colour="blue")], view())] * 5)
    assert sorted(o.colour for o in tracker.objects()) == ["blue", "red"]


def test_the_kind_is_what_most_sightings_say():
    odd = [([seen(kind="box", confidence=0.5)], view())]
    tracker = track(*[([seen()], view())] * 10, *odd, *[([seen()], view())] * 3)
    (one,) = tracker.objects()
    assert (one.kind, one.size) == ("cup", (0.06, 0.06, 0.10))


def test_out_of_view_is_not_gone():
    tracker = track(*[([seen()], view())] * 5)
    track(*[([], view(depth=3.0, pose=look(yaw=2.0)))] * 100, tracker=tracker, start=0.5)
    (one,) = tracker.objects()
    assert one.last_seen == pytest.approx(0.4)
    assert one.confidence > 0.8


def test_what_is_hidden_is_not_gone():
    tracker = track(*[([seen()], view())] * 5)
    track(*[([], view(depth=0.3))] * 50, tracker=tracker, start=0.5)
    assert len(tracker.objects()) == 1


def test_an_empty_place_is_soon_forgotten():
    tracker = track(*[([seen()], view())] * 10)
    track(*[([], view(depth=1.5))] * 3, tracker=tracker, start=1.0)
    assert len(tracker.objects()) == 1, "a few missed images are no proof"
    track(*[([], view(depth=1.5))] * 7, tracker=tracker, start=1.3)
    assert tracker.objects() == []


def test_depth_that_is_missing_proves_nothing():
    tracker = track(*[([seen()], view())] * 5)
    track(*[([], view(depth=np.nan))] * 50, tracker=tracker, start=0.5)
    assert len(tracker.objects()) == 1


def test_half_a_view_does_not_shake_what_was_seen_whole():
    tracker = track(*[([seen()], view())] * 10)
    track(*[([seen(confidence=0.3, visible=0.5)], view())] * 10, tracker=tracker, start=1.0)
    assert tracker.objects()[0].confidence > 0.9


def test_a_doubtful_detection_starts_nothing():
    assert track(*[([seen(confidence=0.2)], view())] * 10).tracks == []


def test_what_exists_once_is_at_its_newest_place():
    tracker = Tracker(unique=frozenset({("cup", "red")}))
    track(*[([seen()], view())] * 10, tracker=tracker)
    away = View(HEAD, look(yaw=2.0), np.full((240, 320), 3.0, np.float32))
    track(*[([seen([-2.0, 0, 0.8])], away)] * 10, tracker=tracker, start=2.0)
    (one,) = tracker.objects()
    assert one.position[0] == pytest.approx(-2.0)


def test_yaw_of_a_square_box_does_not_wander_round_its_corners():
    yaws = [0.77, -0.78, 0.78, -0.77] * 5
    tracker = track(*[([seen(kind="box", yaw=y)], view()) for y in yaws])
    assert abs(abs(tracker.objects()[0].yaw) - np.pi / 4) < 0.05


def test_time_that_begins_anew_clears_the_tracks():
    tracker = track(*[([seen()], view())] * 5, start=50.0)
    tracker.update([], view(pose=look(yaw=2.0)), 0.0)
    assert tracker.tracks == []
