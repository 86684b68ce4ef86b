"""The driver's process: the robot's network on one side, the body's process on the other.

    python -m vla_sim.hardware.unitree.driver FD INTERFACE DOMAIN MODE

FD: of the socket to the body (`link`). It ends when that is closed.
"""

import math
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any, get_args

import numpy as np

from vla_sim.common.errors import InputError, VlaSimError
from vla_sim.hardware.unitree import dds_types, hands, link
from vla_sim.hardware.unitree.dds import Bus
from vla_sim.hardware.unitree.driver_core import Driver, Mode
from vla_sim.hardware.unitree.motion import State
from vla_sim.hardware.unitree.services import RELEASE_MODE, SET_STATE, SET_VELOCITY
from vla_sim.hardware.unitree.wire import JOINTS
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics

PERIODS: dict[Mode, float] = {"sport": 0.005, "low": 0.002}
"""[s] between two looks."""
STATE_PERIOD = 0.005
"""[s] between two states for the body."""
VELOCITY_PERIOD, VELOCITY_TIME = 0.04, 0.1
"""[s] between two velocities, and for how long the robot walks by one: it stands when no more come."""
RELEASE_PERIOD = 1.0
"""[s] between two requests for the motors."""


class Network:
    """The robot's topics, as the driver needs them."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.states = bus.reader("rt/lowstate", dds_types.LowState)
        self.odometry = bus.reader("rt/odommodestate", dds_types.SportState)
        self.hands = {side: bus.reader(f"rt/dex3/{side}/state", dds_types.HandState) for side in facts.HANDS}
        self.send_arms = bus.writer("rt/arm_sdk", dds_types.LowCommand)
        self.send_low = bus.writer("rt/lowcmd", dds_types.LowCommand)
        self.send_hand = {
            side: bus.writer(f"rt/dex3/{side}/cmd", dds_types.HandCommand) for side in facts.HANDS
        }
        self._requests = {
            name: bus.writer(f"rt/api/{name}/request", dds_types.Request)
            for name in ("sport", "motion_switcher")
        }

    def request(self, service: str, api: int, parameter: str = "{}") -> None:
        """Ask a service, and wait for no answer."""
        header = dds_types.RequestHeader(
            dds_types.RequestIdentity(time.monotonic_ns(), api), dds_types.RequestLease(0),
            dds_types.RequestPolicy(0, True),
        )  # fmt: skip
        self._requests[service](dds_types.Request(header, parameter, []))


class DriverLoop:
    """clock: steady seconds."""

    def __init__(
        self, driver: Driver, network: Network, body: link.Link, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._driver, self._network, self._body, self._clock = driver, network, body, clock
        self._told = self._asked = -1.0
        self._last = clock()
        self._released = -math.inf
        self._walks = self._placed = False
        self._damped = False
        self._fingers: np.ndarray | None = None

    def tick(self) -> None:
        """What came from both sides, what goes to both. Raises `EOFError` when the body is gone."""
        now, driver, network = self._clock(), self._driver, self._network
        for sample in network.states():
            if sample.body.crc == sample.body.computed_crc():
                driver.feels.hear(sample.body, now)
        self._feel()
        command = self._body.newest()
        if command is not None:
            driver.command(command, now)
        orders = driver.orders(now, now - self._last)
        self._last = now
        if orders.arms is not None:
            network.send_arms(dds_types.LowCommand.of(orders.arms))
        if orders.low is not None:
            if now - self._released > RELEASE_PERIOD:  # by whoever still has the motors
                self._released = now
                network.request("motion_switcher", RELEASE_MODE)
            network.send_low(dds_types.LowCommand.of(orders.low))
        self._walk(orders.velocity, now)
        if orders.damp and not self._damped:
            network.request("sport", SET_STATE, f'{{"data": {int(State.DAMP)}}}')
        self._damped = orders.damp
        if command is not None and not driver.why:
            self._grip(command)
        if now - self._told >= STATE_PERIOD and (state := driver.feels.robot_state()) is not None:
            self._told = now
            assert driver.feels.state is not None
            motors = driver.feels.state.motors[:JOINTS]
            hot = np.concatenate([motors["temperature"].max(axis=1), np.zeros(len(driver.feels.fingers))])
            self._body.send(link.state_record(state, hot, float(motors["vol"].max()), driver.why))

    def _feel(self) -> None:
        feels = self._driver.feels
        for sample in self._network.odometry()[-1:]:
            if not self._placed and feels.state is not None:
                self._placed = True
                feels.origin[:2] = np.array(sample.position[:2], dtype=float) - feels.legs.position[:2]
        for k, (side, take) in enumerate(self._network.hands.items()):
            for sample in take()[-1:]:
                q = np.array([one.q for one in sample.motor_state], dtype=float)
                if (wide := hands.opening(side, q)) is not None:
                    feels.fingers[2 * k : 2 * k + 2] = 0.5 * wide

    def _walk(self, velocity: tuple[float, float, float] | None, now: float) -> None:
        walks = velocity is not None and any(velocity)
        if not walks and not self._walks:
            return
        if walks and self._walks and now - self._asked < VELOCITY_PERIOD:
            return
        vx, vy, wz = velocity if walks and velocity is not None else (0.0, 0.0, 0.0)
        self._network.request(
            "sport",
            SET_VELOCITY,
            f'{{"velocity": [{vx:.4f}, {vy:.4f}, {wz:.4f}], "duration": {VELOCITY_TIME}}}',
        )
        self._asked, self._walks = now, walks

    def _grip(self, command: Any) -> None:
        """The hands, where their fingers are wanted elsewhere than before."""
        if not facts.HANDS:
            return
        fingers = command["position"][JOINTS:]
        if self._fingers is not None and np.abs(fingers - self._fingers).max() < 1e-4:
            return
        self._fingers = fingers.copy()
        for k, side in enumerate(facts.HANDS):
            q = hands.motors(side, float(fingers[2 * k : 2 * k + 2].sum()))
            self._network.send_hand[side](dds_types.hand_command(q))


def main(arguments: list[str]) -> int:
    try:
        fd, interface, domain, mode = arguments
        if mode not in get_args(Mode):
            raise InputError(f"mode {mode!r} is not known; sport and low are")
        driver = Driver(mode, Kinematics.load())  # type: ignore[arg-type]
        network = Network(Bus(interface, int(domain)))
        loop = DriverLoop(driver, network, link.Link(socket.socket(fileno=int(fd)), link.COMMAND))
    except VlaSimError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the body's; it closes the socket
    due = time.monotonic()
    try:
        while True:
            due = max(due + PERIODS[driver.mode], time.monotonic() - 0.1)
            time.sleep(max(0.0, due - time.monotonic()))
            loop.tick()
    except EOFError:
        return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
