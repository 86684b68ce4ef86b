import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common.errors import InputError
from vla_sim.stages.control.gripper import FORCE, SPEED, STIFFNESS, Gripper


def run(gripper, fingers, seconds, stop=0.0):
    """Fingers that go where they are sent, but not closer than `stop` each."""
    targets = []
    for _ in range(round(seconds / 0.02)):
        targets.append(gripper.update(fingers))
        fingers = np.maximum(targets[-1], stop)
    return np.array(targets), fingers


def test_it_stays_as_it_is_until_it_is_told():
    targets, _ = run(Gripper(), np.array([0.02, 0.02]), 0.5)
    np.testing.assert_allclose(targets, 0.02)


def test_it_opens_at_its_speed_to_what_was_asked():
    gripper = Gripper()
    gripper.update(np.zeros(2))
    gripper.move(0.08)
    targets, fingers = run(gripper, np.zeros(2), 2.0)
    np.testing.assert_allclose(fingers, 0.04)
    assert np.diff(targets.sum(axis=1)).max() <= SPEED * 0.02 + 1e-9


def test_closing_on_an_object_pushes_with_the_holding_force_and_opens_again_at_once():
    gripper = Gripper()
    gripper.update(np.full(2, 0.05))
    gripper.move(0.0)
    targets, fingers = run(gripper, np.full(2, 0.05), 3.0, stop=0.03)
    np.testing.assert_allclose(STIFFNESS * (fingers - targets[-1]), FORCE)
    assert gripper.holding(fingers)
    gripper.move(0.1)
    targets, fingers = run(gripper, fingers, 0.4, stop=0.03)
    assert fingers.sum() > 0.06
    assert not gripper.holding(fingers)


def test_an_empty_hand_holds_nothing():
    gripper = Gripper()
    gripper.update(np.full(2, 0.05))
    gripper.move(0.0)
    _, fingers = run(gripper, np.full(2, 0.05), 3.0)
    assert not gripper.holding(fingers)


@given(st.floats())
def test_an_opening_out_of_range_is_refused(opening):
    gripper = Gripper()
    if -0.002 <= opening <= 0.102:
        gripper.move(opening)
        assert 0.0 <= gripper.opening <= 0.1
    else:
        with pytest.raises(InputError, match=r"must be from 0 to 0\.1"):
            gripper.move(opening)
        assert gripper.opening is None
