"""The driver's process: the robot's network on one side, the body's process on the other.

    python -m vla_sim.hardware.unitree.driver FD SETTINGS

FD: of the socket to the body (`link`). SETTINGS: `Settings` as JSON. When the socket is closed it gives the
robot back, and ends.
"""

import contextlib
import math
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from vla_sim.common.errors import VlaSimError
from vla_sim.common.signals import ENDING
from vla_sim.hardware.unitree import dds_types, hands, link
from vla_sim.hardware.unitree.dds import Bus
from vla_sim.hardware.unitree.driver_core import FALLEN, RELEASE_TIME, Driver, Mode
from vla_sim.hardware.unitree.dry_run import DryRun
from vla_sim.hardware.unitree.motion import State
from vla_sim.hardware.unitree.recorder import Channel, Recorder
from vla_sim.hardware.unitree.services import CHECK_MODE, OK, RELEASE_MODE, SET_STATE, SET_VELOCITY
from vla_sim.hardware.unitree.wire import JOINTS
from vla_sim.robot.kinematics import Kinematics
from vla_sim.ros.pacer import RealTimePacer

PERIODS: dict[Mode, float] = {"sport": 0.005, "low": 0.002}
"""[s] between two looks."""
STATE_PERIOD = 0.005
"""[s] between two states for the body."""
VELOCITY_PERIOD, VELOCITY_TIME = 0.04, 0.1
"""[s] between two velocities, and for how long the robot walks by one: it stands when no more come."""
CHECK_PERIOD, RELEASE_PERIOD = 0.2, 1.0
"""[s] between two questions for who has the motors, and two requests to release them."""
HAND_PERIOD = 0.1
"""[s] between two commands of a hand that stays as it is: one that was lost is made up for."""
DAMP_TIME = 0.05
"""[s] for which the controller of a robot that has fallen is asked to damp it."""
NOTE_PERIOD = 1.0
"""[s] between two notes in the log."""
FLUSH_PERIOD = 0.02
"""[s] between two times at which the log is handed on: it wakes another process."""


class Settings(msgspec.Struct, frozen=True):
    """interface, domain: of the robot's network. log: file of all that is sent and received, or "" for none.
    dry_run: say what would be sent, and send nothing."""

    interface: str
    domain: int
    mode: Mode
    log: str = ""
    dry_run: bool = False


class Note(msgspec.Struct):
    """What the driver says of itself in the log. why: the body's commands are not obeyed; "" if they are.
    late: how late 99 of 100 looks began at the most [s]. lost: messages that are not in the log."""

    why: str
    late: float
    lost: int


class CheckedMode(msgspec.Struct):
    """What "motion_switcher" answers to `CHECK_MODE`. name: of the controller that has the motors, or ""."""

    name: str


_settings = msgspec.json.Decoder(Settings)
_mode = msgspec.json.Decoder(CheckedMode)
_encode = msgspec.json.encode


class Topics:
    """The robot's topics, as the driver needs them."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.states = bus.reader("rt/lowstate", dds_types.LowState)
        self.odometry = bus.reader("rt/odommodestate", dds_types.SportState)
        self.hands = {
            side: bus.reader(hands.topic(side, "state"), dds_types.HandState) for side in hands.CLOSED
        }
        self.send_arms = bus.writer("rt/arm_sdk", dds_types.LowCommand)
        self.send_low = bus.writer("rt/lowcmd", dds_types.LowCommand)
        self.send_hand = {
            side: bus.writer(hands.topic(side, "cmd"), dds_types.HandCommand) for side in hands.CLOSED
        }
        self._requests = {
            name: bus.writer(f"rt/api/{name}/request", dds_types.Request)
            for name in ("sport", "motion_switcher")
        }

        self._answers = bus.reader("rt/api/motion_switcher/response", dds_types.Response)

    def request(self, service: str, api: int, parameter: str = "{}", *, answer: bool = False) -> None:
        """Ask a service, and wait for no answer. answer: whether one is wanted."""
        header = dds_types.RequestHeader(
            dds_types.RequestIdentity(time.monotonic_ns(), api), dds_types.RequestLease(0),
            dds_types.RequestPolicy(0, not answer),
        )  # fmt: skip
        self._requests[service](dds_types.Request(header, parameter, []))

    def holder(self) -> str | None:
        """Who has the motors, by the newest answer, whoever asked: see `Driver`; None where none came."""
        found = None
        for sample in self._answers():
            header = sample.header
            if header.identity.api_id == CHECK_MODE and header.status.code == OK:
                with contextlib.suppress(msgspec.MsgspecError):
                    found = _mode.decode(sample.data).name
        return found


class DriverLoop:
    """pacer: tells how late it is. clock: steady seconds."""

    def __init__(
        self, driver: Driver, topics: Topics, body: link.Link, pacer: RealTimePacer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._driver, self._topics, self._body, self._clock = driver, topics, body, clock
        self._pacer, self._late, self._measured = pacer, 0.0, -math.inf
        self._told = self._asked = -1.0
        self._last = clock()
        self._checked = self._released = -math.inf
        self._walks = self._placed = False
        self._damping = math.inf
        """Since when the robot is to be damped."""
        self._left = math.inf
        """When the body went."""
        self._fingers: np.ndarray | None = None
        self._gripped = -math.inf

    def tick(self) -> bool:
        """What came from both sides, what goes to both. False when the body has gone and the robot is given
        back: its arms, or motors that are damped."""
        now, driver, topics = self._clock(), self._driver, self._topics
        self._pacer.tick(now)
        for sample in topics.states()[-1:]:
            if sample.body.crc == sample.body.computed_crc():
                driver.feels.hear(sample.body, now)
        self._feel()
        if (holder := topics.holder()) is not None:
            driver.holder = holder
        command = self._listen(now)
        orders = driver.orders(now, now - self._last)
        self._last = now
        if orders.arms is not None:
            topics.send_arms(dds_types.LowCommand.of(orders.arms))
        if orders.claim:
            self._claim(now)
        if orders.low is not None:
            topics.send_low(dds_types.LowCommand.of(orders.low))
        self._walk(orders.velocity, now)
        self._damp(orders.damp, now)
        if command is not None and not driver.why:
            self._grip(command, now)
        if now - self._told >= STATE_PERIOD and (state := driver.feels.robot_state()) is not None:
            self._told = now
            assert driver.feels.state is not None
            motors = driver.feels.state.motors[:JOINTS]
            hot = np.concatenate([motors["temperature"].max(axis=1), np.zeros(len(driver.feels.fingers))])
            voltage = float(motors["vol"].max())
            self._body.send(link.state_record(state, hot, voltage, driver.why, self.late(now)))
        given_back = orders.arms is None and (orders.low is None or now - self._left > RELEASE_TIME)
        return self._left == math.inf or not given_back

    def _listen(self, now: float) -> Any:
        """The body's newest command, or None."""
        try:
            command = None if self._left < math.inf else self._body.newest()
        except EOFError:
            self._left = now
            self._driver.left()
            return None
        if command is not None:
            self._driver.command(command, now)
        return command

    def late(self, now: float) -> float:
        """How late 99 of 100 ticks began at the most [s], as of the last `NOTE_PERIOD`."""
        if now - self._measured > NOTE_PERIOD:
            self._late, self._measured = self._pacer.lateness(0.99), now
        return self._late

    def _feel(self) -> None:
        feels = self._driver.feels
        for sample in self._topics.odometry()[-1:]:
            at = np.array(sample.position[:2], dtype=float)
            if not self._placed and feels.state is not None and np.isfinite(at).all():
                self._placed = True
                feels.origin[:2] = at - feels.legs.position[:2]
        for k, (side, take) in enumerate(self._topics.hands.items()):
            for sample in take()[-1:]:
                q = np.array([one.q for one in sample.motor_state], dtype=float)
                if (wide := hands.opening(side, q)) is not None:
                    feels.fingers[2 * k : 2 * k + 2] = 0.5 * wide

    def _claim(self, now: float) -> None:
        """Who has the motors is asked for until nobody has, and from then on whether somebody takes them."""
        if self._driver.holder and now - self._released > RELEASE_PERIOD:
            self._released = now
            self._topics.request("motion_switcher", RELEASE_MODE)
        if now - self._checked > CHECK_PERIOD:
            self._checked = now
            self._topics.request("motion_switcher", CHECK_MODE, answer=True)

    def _walk(self, velocity: tuple[float, float, float] | None, now: float) -> None:
        walks = velocity is not None and any(velocity)
        if not walks and not self._walks:
            return
        if walks and self._walks and now - self._asked < VELOCITY_PERIOD:
            return
        vx, vy, wz = velocity if walks and velocity is not None else (0.0, 0.0, 0.0)
        self._topics.request(
            "sport",
            SET_VELOCITY,
            f'{{"velocity": [{vx:.4f}, {vy:.4f}, {wz:.4f}], "duration": {VELOCITY_TIME}}}',
        )
        self._asked, self._walks = now, walks

    def _damp(self, wanted: bool, now: float) -> None:
        """Again and again where it has fallen, since a request may be lost. Where its remote was used its own
        controller has damped it, and a person may stand it up at once."""
        if not wanted:
            self._damping = math.inf
            return
        first, self._damping = self._damping == math.inf, min(self._damping, now)
        if first or (self._driver.why == FALLEN and now - self._damping < DAMP_TIME):
            self._topics.request("sport", SET_STATE, f'{{"data": {int(State.DAMP)}}}')

    def _grip(self, command: Any, now: float) -> None:
        """The hands, where their fingers are wanted elsewhere than before, and now and then."""
        if not hands.CLOSED:
            return
        fingers = command["position"][JOINTS:]
        same = self._fingers is not None and np.abs(fingers - self._fingers).max() < 1e-4
        if same and now - self._gripped < HAND_PERIOD:
            return
        self._fingers, self._gripped = fingers.copy(), now
        for k, side in enumerate(hands.CLOSED):
            q = hands.motors(side, float(fingers[2 * k : 2 * k + 2].sum()))
            self._topics.send_hand[side](dds_types.hand_command(q))


class Notes:
    """Lines of the log about the driver itself: when it obeys no more, or again, and every `NOTE_PERIOD`."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        schema = _encode(msgspec.json.schema(Note)["$defs"]["Note"]).decode()
        self._write = recorder.channel(Channel("driver", "json", "Note", "jsonschema", schema, {}))
        self._why, self._written, self._flushed = "", -math.inf, -math.inf

    def tick(self, now: float, why: str, late: float) -> None:
        if why != self._why or now - self._written > NOTE_PERIOD:
            self._why, self._written = why, now
            self._write(_encode(Note(why, late, self._recorder.lost)))
        if now - self._flushed > FLUSH_PERIOD:
            self._flushed = now
            self._recorder.flush()


def main(arguments: list[str]) -> int:
    for number in ENDING:  # they are the body's, which closes the socket
        signal.signal(number, signal.SIG_IGN)
    recorder = None
    try:
        fd, given = arguments
        settings = _settings.decode(given)
        recorder = Recorder(Path(settings.log)) if settings.log else None
        driver = Driver(settings.mode, Kinematics.load(), claims=not settings.dry_run)
        dry_run = DryRun(partial(print, flush=True)) if settings.dry_run else None
        topics = Topics(Bus(settings.interface, settings.domain, recorder, dry_run))
        pacer = RealTimePacer(PERIODS[driver.mode], 1.0)
        body = link.Link(socket.socket(fileno=int(fd)), link.COMMAND)
        body.send(link.no_state())
        loop = DriverLoop(driver, topics, body, pacer)
        notes = Notes(recorder) if recorder is not None else None
        while loop.tick():
            now = time.monotonic()
            if notes is not None:
                notes.tick(now, driver.why, loop.late(now))
            time.sleep(max(0.0, pacer.remaining(time.monotonic())))
        return 0
    except VlaSimError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    finally:
        if recorder is not None:
            recorder.close()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
