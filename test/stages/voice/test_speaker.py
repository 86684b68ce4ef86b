"""What the robot says, when it is in the room, and how it falls silent."""

import threading
import time

import numpy as np
import pytest
from waiting import wait_for

from vla_sim.common.errors import MissingError
from vla_sim.stages.voice import speaker
from vla_sim.stages.voice.speaker import ECHO, LATE, Speaker


class Voice:
    """Its sounds are a second long."""

    def speak(self, text):
        return np.ones(16_000, np.int16)


@pytest.fixture
def device(monkeypatch):
    """A sound device that plays until the test lets it end, or it is broken off."""

    class Device:
        def __init__(self):
            self.playing, self.ended = [], threading.Semaphore(0)
            self.broken = 0

        def play(self, sound, name, broken_off):
            self.playing.append(name)
            while not self.ended.acquire(timeout=0.01):
                if broken_off():
                    self.broken += 1
                    return

    made = Device()
    monkeypatch.setattr(speaker, "play", made.play)
    return made


@pytest.fixture
def robot(device):
    made = Speaker(play=True, make=Voice, device="mouth")
    yield made
    for _ in range(30):
        device.ended.release()
    made.close()


def test_a_sound_is_the_robots_own_from_its_beginning_until_the_room_is_quiet(robot, device):
    before = time.monotonic()
    assert not robot.sounded(before - 10.0, before)
    robot.say("hello")
    wait_for(lambda: device.playing == ["mouth"])
    now = time.monotonic()
    assert robot.sounded(now, now + 0.02)
    assert robot.sounded(before - 5.0, now)
    assert not robot.sounded(before - 5.0, before - 1.0)  # captured before, however late it comes
    assert not robot.sounded(now + 1.0 + LATE + ECHO + 0.1, now + 9.0)  # a device that hangs
    device.ended.release()
    wait_for(lambda: not robot.sounded(time.monotonic(), time.monotonic()))
    assert robot.sounded(now, now)


def test_a_stop_breaks_off_what_is_said_and_what_waits(robot, device):
    for text in ("one", "two", "three"):
        robot.say(text)
    wait_for(lambda: device.playing)
    robot.hush()
    robot.say("four")
    wait_for(lambda: len(device.playing) == 2)
    device.ended.release()
    wait_for(lambda: robot.spoken == 2)
    assert device.broken == 1


def test_a_text_that_cannot_be_said_leaves_it_not_mute(device):
    class Hoarse(Voice):
        def speak(self, text):
            return [][0] if text == "one" else super().speak(text)

    told = []
    robot = Speaker(play=True, make=Hoarse, warn=told.append)
    for text in ("one", "two"):
        robot.say(text)
    device.ended.release()
    robot.close()
    assert told == ["could not say 'one': list index out of range"]
    assert robot.spoken == 1


def test_without_a_device_it_is_told_once_and_nothing_is_the_robots_own(monkeypatch):
    def play(*_):
        raise MissingError("speaker 'x' does not play")

    monkeypatch.setattr(speaker, "play", play)
    told = []
    robot = Speaker(play=True, make=Voice, warn=told.append)
    robot.say("one")
    robot.say("two")
    robot.close()
    assert told == ["no sound: speaker 'x' does not play"]
    later = time.monotonic() + ECHO + 0.1
    assert not robot.sounded(later, later)
