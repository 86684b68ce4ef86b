"""A G1 behind its own protocol as a `Body`: a real one, or `vla-sim g1`."""

import subprocess
import sys
import tempfile
import time

import msgspec
import numpy as np

from vla_sim.common.child_process import ended
from vla_sim.common.errors import EngineError
from vla_sim.common.geometry import Array
from vla_sim.hardware.unitree import link
from vla_sim.hardware.unitree.driver_core import Mode
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, Body, JointCommand, RobotState, checked
from vla_sim.robot.kinematics import Kinematics

START_TIMEOUT = 120.0
"""[s] for the driver to be there, on a machine on which much else starts."""
FIND_TIMEOUT = 10.0
"""[s] for the robot to be heard from then on."""
SILENCE = 1.0
"""[s] without a state after which it cannot go on."""
END_TIMEOUT = 15.0
"""[s] for the driver to end, its log included."""


class UnitreeRobot(Body):
    """why: for what reason the robot does not do what it is commanded; "" if it does. temperature: (joints,)
    [°C] of its motors. voltage: of its battery [V]. late: 99 of 100 of the driver's looks began by so much at
    the most [s].

    interface, domain: of the robot's network. mode: "sport" has the robot's own controller walk, "low" our
    policy. Nothing is sent before `arm`. log: MCAP file of all that is sent and received; "" for none.
    dry_run: print what would be sent, and send nothing. Raises `EngineError` if no robot is heard.
    """

    def __init__(
        self, interface: str = "lo", domain: int = 0, mode: Mode = "sport", log: str = "",
        dry_run: bool = False,
    ) -> None:  # fmt: skip
        ours, theirs = link.pair()
        self._link = link.Link(ours, link.STATE)
        self._damping = Kinematics.load().of_joints("damping")
        self._armed = False
        self.why, self.voltage, self.late = "not armed", 0.0, 0.0
        self.temperature: Array = np.zeros(len(facts.JOINTS))
        settings = {
            "interface": interface, "domain": domain, "mode": mode, "log": log, "dry_run": dry_run,
        }  # fmt: skip
        command = [sys.executable, "-m", "vla_sim.hardware.unitree.driver", str(theirs.fileno())]
        # Not a pipe: CycloneDDS prints a line for each message that an unplugged cable does not take.
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the driver)
        self._driver = subprocess.Popen(
            [*command, msgspec.json.encode(settings).decode()], pass_fds=[theirs.fileno()], stderr=self._said
        )
        theirs.close()
        self._state: RobotState | None = None
        self._started = False
        self._heard = self._due = time.monotonic()
        try:
            self._find(f"{interface} in DDS domain {domain}")
        except BaseException:
            self.close()
            raise

    def _find(self, where: str) -> None:
        while self._state is None:
            time.sleep(0.01)
            self._listen()
            waited = time.monotonic() - self._heard
            if not self._started and waited > START_TIMEOUT:
                raise EngineError(f"the driver has not started within {START_TIMEOUT:.0f} s")
            if self._started and waited > FIND_TIMEOUT:
                raise EngineError(
                    f"no G1 is heard on {where} within {FIND_TIMEOUT:.0f} s; is it on, and is this the "
                    "interface to it? `vla-sim g1` starts a simulated one on lo"
                )

    def arm(self) -> None:
        """From the next command on the robot obeys, little by little."""
        self._armed = True

    def disarm(self) -> None:
        """What held is given up, and then nothing is sent any more: the robot's own controller has it again,
        or, in the mode "low", its motors were damped."""
        self._armed = False
        if self._state is not None:
            zero = np.zeros(len(facts.JOINTS))
            self._send(JointCommand(self._state.joint_position, zero, zero))

    def status(self) -> dict[str, str]:
        return {
            "warmest motor": f"{self.temperature.max():.0f} C",
            "battery": f"{self.voltage:.1f} V",
            "driver_lateness_ms_p99": f"{1e3 * self.late:.2f}",
        }

    def state(self) -> RobotState:
        assert self._state is not None
        return self._state.copy()

    def command(self, command: JointCommand) -> None:
        self._send(checked(command))

    def _send(self, command: JointCommand) -> None:
        self._link.send(link.command_record(command, self._damping, self._armed))

    def step(self) -> None:
        now = time.monotonic()
        self._due = max(self._due + CONTROL_PERIOD, now - CONTROL_PERIOD)
        time.sleep(max(0.0, self._due - now))
        self._hear()

    def follow(self, moment: float) -> None:
        """Wait until the robot's own clock shows `moment` [s], in place of `step`."""
        assert self._state is not None
        self._hear()
        while self._state.time < moment:
            self._link.wait(SILENCE)
            self._hear()

    def _hear(self) -> None:
        self._listen()
        silent = time.monotonic() - self._heard
        if silent > SILENCE:
            raise EngineError(
                f"the robot has been silent for {silent:.1f} s: its network or its power is gone"
            )

    def _listen(self) -> None:
        try:
            record = self._link.newest()
        except EOFError:
            code = ended(self._driver, END_TIMEOUT)
            self._said.seek(0)
            said = self._said.read().decode(errors="replace").strip().splitlines()
            raise EngineError(
                said[-1].removeprefix("error: ") if said else f"the driver ended with {code}"
            ) from None
        if record is None:
            return
        if not self._started:
            self._started, self._heard = True, time.monotonic()
        if not np.isnan(record["time"]) and (self._state is None or record["time"] != self._state.time):
            self._heard = time.monotonic()
            self._state = link.robot_state(record)
        self.why = record["why"].decode(errors="replace")
        self.temperature, self.voltage = record["temperature"].copy(), float(record["voltage"])
        self.late = float(record["late"])

    def close(self) -> None:
        """The driver gives the robot back, and ends."""
        self._link.close()
        ended(self._driver, END_TIMEOUT)
        self._said.close()
