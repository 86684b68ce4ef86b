"""The robot's large messages: where each number lies, and their checksum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.hardware.unitree import wire


def crc_bit_by_bit(data):
    """As the vendor's source spells it out."""
    crc = 0xFFFFFFFF
    for word in np.frombuffer(data, "<u4").tolist():
        for bit in range(31, -1, -1):
            top = crc >> 31
            crc = (crc << 1) & 0xFFFFFFFF
            if top:
                crc ^= 0x04C11DB7
            if word >> bit & 1:
                crc ^= 0x04C11DB7
    return crc


@settings(deadline=None)
@given(st.binary(min_size=4, max_size=64).map(lambda b: b[: len(b) // 4 * 4]))
def test_the_checksum_is_the_vendors(data):
    assert wire.crc32(data) == crc_bit_by_bit(data)


@pytest.mark.parametrize("kind", [wire.LowCommand, wire.LowState])
def test_a_sealed_message_that_is_changed_is_found_out(kind):
    message = kind()
    message.set_modes(1)
    message.motors["q"][: wire.JOINTS] = np.linspace(-1.0, 1.0, wire.JOINTS)
    message.seal()
    again = kind(bytes(message.bytes))
    assert again.crc == again.computed_crc() == message.crc
    again.motors["q"][28] += 0.5
    assert again.crc != again.computed_crc()


def test_what_lies_between_two_numbers_does_not_count():
    message = wire.LowCommand()
    message.seal()
    sealed = message.crc
    message.array[29:32] = 255  # after the second motor's mode
    assert message.computed_crc() == sealed


@pytest.mark.parametrize("kind", [wire.LowCommand, wire.LowState])
def test_a_message_that_is_cut_off_is_refused(kind):
    with pytest.raises(ValueError, match="whole message"):
        kind(bytes(kind.size - 1))


def test_the_layout_is_that_of_the_vendors_own_types():
    """Written by their serialiser, read as bytes."""
    pytest.importorskip("unitree_sdk2py", reason="the vendor's SDK is not installed")
    from unitree_sdk2py.idl import default

    theirs = default.unitree_hg_msg_dds__LowCmd_()
    theirs.mode_pr, theirs.mode_machine = 1, 5
    for i, one in enumerate(theirs.motor_cmd):
        one.mode, one.q, one.dq, one.tau, one.kp, one.kd = i % 2, i, i + 0.25, i + 0.5, i + 100, i + 200
    ours = wire.LowCommand(theirs.serialize()[4:])
    assert (ours.mode_pr, ours.mode_machine) == (1, 5)
    rows = np.arange(wire.MOTORS)
    np.testing.assert_array_equal(ours.modes, rows % 2)
    for name, offset in (("q", 0.0), ("dq", 0.25), ("tau", 0.5), ("kp", 100.0), ("kd", 200.0)):
        np.testing.assert_array_equal(ours.motors[name], rows + offset)

    state = default.unitree_hg_msg_dds__LowState_()
    state.tick, state.mode_machine, state.imu_state.temperature = 123_456, 5, 33
    state.imu_state.quaternion, state.imu_state.rpy = [1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0]
    state.wireless_remote = list(range(40))
    for i, one in enumerate(state.motor_state):
        one.mode, one.q, one.tau_est, one.temperature = i % 2, i, i + 0.5, [i, i + 1]
    mine = wire.LowState(state.serialize()[4:])
    assert (mine.tick, mine.mode_machine) == (123_456, 5)
    assert np.frombuffer(mine.bytes, "<i2", 1, 68) == 33  # the IMU's temperature
    np.testing.assert_array_equal(mine.imu[[0, 1, 2, 3, 10, 11, 12]], [1, 2, 3, 4, 5, 6, 7])
    np.testing.assert_array_equal(mine.remote, range(40))
    np.testing.assert_array_equal(mine.modes, rows % 2)
    np.testing.assert_array_equal(mine.motors["q"], rows)
    np.testing.assert_array_equal(mine.motors["temperature"], np.column_stack([rows, rows + 1]))
