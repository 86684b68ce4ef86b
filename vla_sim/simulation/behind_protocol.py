"""The simulator "g1": a simulated G1 behind the robot's own protocol, in a process of its own.

The stack sees of it what it would see of a robot: state and commands go through the driver and CycloneDDS.
What a robot's other sensors would give, and what checks need, comes past the protocol: each `TRUTH_TICKS` the
robot's process says where everything is, and a MuJoCo that never steps shows it to lidar and camera here.
"""

import math
import os
import socket
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from vla_sim.common.child_process import ended
from vla_sim.common.errors import EngineError
from vla_sim.common.geometry import Array
from vla_sim.hardware.unitree import link
from vla_sim.hardware.unitree.motion import TICK
from vla_sim.hardware.unitree.network import check_installed, domain_beside
from vla_sim.hardware.unitree.robot import UnitreeRobot
from vla_sim.robot.body import CONTROL_PERIOD, CameraFrame, JointCommand, LidarFrame, RobotState
from vla_sim.simulation.mujoco.render import Snapshot
from vla_sim.simulation.mujoco.simulator import MujocoSimulator
from vla_sim.simulation.simulator import Contact, Randomisation, Sensors, Simulator, Truth

TRUTH_TICKS = 5
"""Of 2 ms, between two records of the truth."""
START_TIMEOUT = 120.0
"""[s] for the robot's process to say where it is at first."""
ARM_TIMEOUT = 10.0
"""[s] until the robot obeys."""
END_TIMEOUT = 5.0
"""[s] for the robot's process to end."""
MOST_AHEAD = 0.05
"""[s] by which the robot's clock may be ahead; what is beyond is skipped in whole control periods."""


class Placed(msgspec.Struct):
    """Where everything is at `time` [s]: poses (7,) in the world, joints (joints,). contacts: what touched
    since the last record, and the strongest force [N]."""

    time: float
    robot: list[float]
    joints: list[float]
    objects: dict[str, list[float]]
    movers: dict[str, list[float]]
    contacts: list[tuple[str, str, float]]


class Put(msgspec.Struct):
    """Set an object down at a pose (7,)."""

    name: str
    pose: list[float]


_placed, _put, _encode = msgspec.json.Decoder(Placed), msgspec.json.Decoder(Put), msgspec.json.encode


class TruthServer:
    """At the robot's process: says where everything is, and puts objects where that is asked for. end: of a
    pair of sockets. contacts: whether the other end wants to know of these."""

    def __init__(self, body: MujocoSimulator, end: socket.socket, contacts: bool = True) -> None:
        self._body, self._end, self._asks = body, end, contacts
        self._contacts: dict[tuple[str, str], float] = {}
        end.setblocking(False)

    def tick(self) -> bool:
        """To be called once a period; False when the other end has gone."""
        for one in self._body.contacts() if self._asks else ():
            pair = (one.a, one.b)
            self._contacts[pair] = max(self._contacts.get(pair, 0.0), one.force)
        if round(self._body.time / TICK) % TRUTH_TICKS:
            return True
        try:
            while True:
                data = self._end.recv(1 << 16)
                if not data:
                    return False
                asked = _put.decode(data)
                self._body.put(asked.name, np.array(asked.pose))
        except BlockingIOError:
            pass
        except OSError:
            return False
        robot, objects, movers = self._body.poses()
        record = Placed(
            self._body.time, robot.tolist(), self._body.joint_position.tolist(),
            {name: pose.tolist() for name, pose in objects.items()},
            {name: pose.tolist() for name, pose in movers.items()},
            [(a, b, force) for (a, b), force in self._contacts.items()],
        )  # fmt: skip
        try:
            self._end.send(_encode(record))
            self._contacts.clear()
        except BlockingIOError:  # it is behind; the next one is newer
            pass
        except OSError:
            return False
        return True


class Mirror:
    """A MuJoCo that shows where everything is by the newest record. simulator: to look at; it never steps."""

    def __init__(self, world: Path, sensors: Sensors = "auto") -> None:
        self.simulator = MujocoSimulator(world, sensors=sensors)

    def show(self, record: Placed) -> None:
        movers = [np.array(record.movers[one.model]) for one in self.simulator.compiled.followers]
        self.simulator.mirror(
            record.time, np.array(record.robot), np.array(record.joints),
            {name: np.array(pose) for name, pose in record.objects.items()}, movers,
        )  # fmt: skip


def placed(data: bytes) -> Placed:
    """What a `TruthServer` has sent."""
    return _placed.decode(data)


class ProtocolSimulator(Simulator):
    """A robot that its own controller ("sport") has walk. It runs at the pace of the clock alone. Its time
    grows by a control period each step and follows the robot's, whose states come some ms early or late: of
    two ticks of a timer that fall between two values of /clock one is lost.

    world: path of an SDF file. cable: jitter [ms] and loss [%] of `vla-sim g1`. Raises `MissingError`
    without CycloneDDS, `EngineError` if the robot's process or its driver does not start.
    """

    balanced = True

    def __init__(
        self, world: Path, sensors: Sensors = "auto", cable: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        check_installed()
        self._world, self._cable = world, cable
        self._shown = Mirror(world, sensors)
        self._mirror = self._shown.simulator
        self._domain = domain_beside(int(os.environ.get("ROS_DOMAIN_ID", "0")))
        self._process: subprocess.Popen[bytes] | None = None
        self._robot: UnitreeRobot | None = None
        self._end: socket.socket | None = None
        self._contacts: list[Contact] = []
        self._truths: deque[Placed] = deque()
        """That came and are not shown yet."""
        self._time = 0.0

    def reset(self, seed: int = 0, randomisation: Randomisation | None = None) -> None:
        """The robot is switched off and on again."""
        self._stop()
        by = randomisation or Randomisation()
        self._mirror.reset(seed)
        ours, theirs = link.pair()
        self._end = ours
        self._truths.clear()
        command = [
            sys.executable, "-m", "vla_sim.cli.main", "g1", "--world", str(self._world), "--seed", str(seed),
            "--dds-domain", str(self._domain), "--truth-socket", str(theirs.fileno()),
            "--randomise-objects", str(by.objects), "--randomise-start", str(by.start),
            "--randomise-start-yaw", str(by.start_yaw), "--jitter", str(self._cable[0]),
            "--loss", str(self._cable[1]),
        ]  # fmt: skip
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdout=subprocess.DEVNULL)
        theirs.close()
        ours.settimeout(START_TIMEOUT)
        try:
            self._take(ours.recv(1 << 20))
        except OSError:
            raise EngineError("the simulated G1 did not start within 120 s; try vla-sim g1 alone") from None
        ours.setblocking(False)
        self._robot = UnitreeRobot("lo", self._domain, "sport")
        self._robot.arm()
        deadline = time.monotonic() + ARM_TIMEOUT
        while self._robot.why and time.monotonic() < deadline:
            state = self._robot.state()
            zero = np.zeros(len(state.joint_position))
            self._robot.command(JointCommand(state.joint_position, zero, zero))
            self._robot.step()
        self._time = CONTROL_PERIOD * math.ceil(self._robot.state().time / CONTROL_PERIOD)
        self._show()

    def _stop(self) -> None:
        if self._robot is not None:
            self._robot.close()
        if self._end is not None:
            self._end.close()
        if self._process is not None:
            ended(self._process, END_TIMEOUT)
        self._robot = self._end = self._process = None

    def _take(self, data: bytes) -> None:
        if not data:
            raise EngineError("the simulated G1 has ended; try vla-sim g1 alone")
        self._truths.append(placed(data))

    def _show(self) -> None:
        """Where everything was by now: what came too soon waits."""
        newest = None
        while self._truths and self._truths[0].time <= self._time + 0.5 * TICK:
            newest = self._truths.popleft()
            self._contacts += [Contact(*one) for one in newest.contacts]
        if newest is not None:
            self._shown.show(newest)

    @property
    def _known(self) -> tuple[UnitreeRobot, socket.socket]:
        if self._robot is None or self._end is None:
            raise EngineError("the simulated G1 is off; reset it")
        return self._robot, self._end

    def state(self) -> RobotState:
        state = self._known[0].state()
        state.time = self._time
        return state

    def command(self, command: JointCommand) -> None:
        self._known[0].command(command)

    def step(self) -> None:
        robot, end = self._known
        self._time += CONTROL_PERIOD
        robot.follow(self._time)
        if (ahead := robot.state().time - self._time) > MOST_AHEAD:
            self._time += ahead // CONTROL_PERIOD * CONTROL_PERIOD
        try:
            while True:
                self._take(end.recv(1 << 20))
        except BlockingIOError:
            pass
        self._contacts = []
        self._show()

    def scan(self) -> LidarFrame:
        return self._mirror.scan()

    def snapshot(self) -> Snapshot:
        return self._mirror.snapshot()

    def render(self, snapshot: Snapshot, shrink: int = 1) -> CameraFrame:
        return self._mirror.render(snapshot, shrink)

    def view(self, snapshot: Snapshot, eye: Array, target: Array, size: tuple[int, int]) -> NDArray[np.uint8]:
        return self._mirror.view(snapshot, eye, target, size)

    def contacts(self) -> list[Contact]:
        return self._contacts

    def truth(self) -> Truth:
        return self._mirror.truth()

    def put(self, name: str, pose: Array) -> None:
        self._mirror.put(name, pose)  # which knows the models and sees whether there is room
        self._known[1].send(_encode(Put(name, pose.tolist())))

    def close(self) -> None:
        self._stop()
        self._mirror.close()
