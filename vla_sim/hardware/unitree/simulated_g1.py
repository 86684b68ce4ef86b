"""A simulated G1 that speaks the robot's own protocol: what runs between its body and its network."""

import time
from collections import deque
from collections.abc import Callable

import numpy as np

from vla_sim.common.geometry import rpy_from_quaternion
from vla_sim.hardware.unitree import dds_types, hands, remote, wire
from vla_sim.hardware.unitree.cable import Cable
from vla_sim.hardware.unitree.dds import serve
from vla_sim.hardware.unitree.motion import PARALLEL, TICK, Motion, to_parallel, torque_to_parallel
from vla_sim.hardware.unitree.services import ArmAction, MotionSwitcher, Service, Sport, Voice
from vla_sim.hardware.unitree.simulated_parts import CASE_TEMPERATURE, Parts
from vla_sim.robot import facts
from vla_sim.robot.body import Body, RobotState
from vla_sim.ros.pacer import RealTimePacer

MODE_MACHINE = 5
"""The build with 29 joints ("mode_machine")."""
SLOW = 25
"""Ticks between two low-frequency states: 20 Hz."""
SPORT_STATE = 10
"""Ticks between two states of the motion controller and its odometry: 50 Hz."""
HAND_STATE = 10
"""Ticks between two states of the hands: 50 Hz."""
REQUESTS = 5
"""Ticks between two looks for requests: 100 Hz."""


class SimulatedG1:
    """body: goes on by `TICK` a step. cable: to its network. log: takes a line for a person. pacer: how late
    its ticks are. parts: what else the robot has. typed: lines of a person, see `Parts.typed`; any thread may
    append."""

    def __init__(self, body: Body, motion: Motion, cable: Cable, log: Callable[[str], object]) -> None:
        self.pacer = RealTimePacer(TICK, 1.0)
        self._cable = cable
        self.refused = 0
        """Motor commands that were no good."""
        self.parts = Parts(cable.unplug)
        self.typed: deque[str] = deque(maxlen=100)
        self._body, self._motion, self._log = body, motion, log
        self._state = wire.LowState()
        self._state.mode_machine = MODE_MACHINE
        self._state.set_modes(1)
        self._sample = dds_types.LowState.of(self._state)
        self._ticks = 0
        self._said: dict[str, str] = {}
        self._low = cable.reader("rt/lowcmd", dds_types.LowCommand)
        self._arms = cable.reader("rt/arm_sdk", dds_types.LowCommand)
        self._hands = {
            side: cable.reader(hands.topic(side, "cmd"), dds_types.HandCommand) for side in hands.CLOSED
        }
        self._send_hand = {
            side: cable.writer(hands.topic(side, "state"), dds_types.HandState) for side in hands.CLOSED
        }
        self._send_state = cable.writer("rt/lowstate", dds_types.LowState)
        self._send_slow = cable.writer("rt/lf/lowstate", dds_types.LowState)
        self._send_remote = cable.writer("rt/wirelesscontroller", dds_types.Remote)
        self._send_sport = cable.writer("rt/sportmodestate", dds_types.SportState)
        self._send_odometry = cable.writer("rt/odommodestate", dds_types.SportState)
        services: list[Service] = [
            Sport(motion, log), ArmAction(motion, log), MotionSwitcher(motion, log),
            Voice(log, lambda text: log(f"says: {text}")),
        ]  # fmt: skip
        self._services = [serve(cable, one) for one in services]

    def run(self, until: Callable[[], bool]) -> None:
        """At the pace of the clock, until that is true."""
        while not until():
            while (left := self.pacer.remaining(time.monotonic())) > 0.0:
                time.sleep(left)
            self.pacer.tick(time.monotonic())
            self.tick()

    def tick(self) -> None:
        """One period: what came, the motors, the body, what the robot sends."""
        state = self._body.state()
        while self.typed:
            self._log(self.parts.typed(self.typed.popleft(), state.time))
        self.parts.tick(state.time)
        self._motion.on_keys(self.parts.keys)
        self._motion.on_sticks(*(self.parts.sticks[name] for name in ("lx", "ly", "rx")))
        self._cable.tick(state.time)
        self._listen(state.time)
        self._body.command(self._motion.update(state))
        self._body.step()
        self._ticks += 1
        self._send(self._body.state())
        if self._ticks % REQUESTS == 0:
            for answer in self._services:
                answer()

    def _listen(self, now: float) -> None:
        for take, heard, topic in (
            (self._low, self._motion.low, "rt/lowcmd"), (self._arms, self._motion.arms, "rt/arm_sdk"),
        ):  # fmt: skip
            for sample in take():
                why = self._bad(sample.body, topic)
                if why:
                    self.refused += 1
                    self._say(topic, why)
                else:
                    heard.take(sample.body, now)

        if self._ticks % HAND_STATE == 0:
            for side, take in self._hands.items():
                for sample in take()[-1:]:
                    q = np.array([one.q for one in sample.motor_cmd], dtype=float)
                    on = [one.mode & 0x7F for one in sample.motor_cmd] == [
                        hands.mode(k) for k in range(len(q))
                    ]
                    if not on:
                        self._say(hands.topic(side, "cmd"), "the modes are not those of its motors, on")
                    elif (wide := hands.opening(side, q)) is not None:
                        self._motion.hands[side].move(wide)

    def _bad(self, command: wire.Buffer, topic: str) -> str:
        """Why a motor command is not obeyed; "" if it is."""
        assert isinstance(command, wire.LowCommand)
        if command.crc != command.computed_crc():
            return "its CRC is wrong: it is not obeyed"
        if topic == "rt/lowcmd":
            if not self._motion.released:
                return "the motion controller has the motors: release it first (ReleaseMode)"
            if command.mode_machine != MODE_MACHINE:
                return f"mode_machine is {command.mode_machine}, not {MODE_MACHINE}: it is not obeyed"
        return ""

    def _say(self, topic: str, why: str) -> None:
        """Each once in a row on its topic: a program sends 500 times a second."""
        if self._said.get(topic) != why:
            self._said[topic] = why
            self._log(f"{topic}: {why}")

    def _send(self, state: RobotState) -> None:
        out, n = self._state, wire.JOINTS
        out.motors["temperature"][:n] = self.parts.temperature
        out.motors["vol"][:n] = self.parts.voltage
        remote.press(out.remote, self.parts.keys)
        remote.push(out.remote, self.parts.sticks)
        out.tick = round(1e3 * state.time)
        command = self._motion.low.message if self._motion.released else None
        out.mode_pr = 0 if command is None else command.mode_pr
        out.imu[:4] = state.orientation
        out.imu[4:7] = state.angular_velocity_base
        out.imu[7:10] = state.linear_acceleration_base
        out.imu[10:] = rpy_from_quaternion(state.orientation)
        motors, q, dq = out.motors[:n], state.joint_position[:n], state.joint_velocity[:n]
        effort = state.joint_effort[:n]
        if out.mode_pr == PARALLEL:
            q, dq, effort = to_parallel(q), to_parallel(dq), torque_to_parallel(effort)
        motors["ddq"] = (dq - motors["dq"]) / TICK
        motors["q"], motors["dq"] = q, dq
        motors["tau_est"] = effort
        out.seal()
        self._send_state(self._sample)
        if self._ticks % SLOW == 0:
            self._send_slow(self._sample)
            self._send_remote(dds_types.Remote(**self.parts.sticks, keys=remote.word(out.remote)))
        if self._ticks % HAND_STATE == 0:
            for side, send in self._send_hand.items():
                wide = float(state.joint_position[facts.FINGER_INDEX[side]].sum())
                send(dds_types.hand_state(hands.motors(side, wide)))
        if self._ticks % SPORT_STATE == 0:
            odometry = self._odometry(state)
            self._send_odometry(odometry)
            if not self._motion.released:
                self._send_sport(odometry)

    def _odometry(self, state: RobotState) -> object:
        """In `odom`, which begins where the robot stood when it was switched on."""
        seconds, rest = divmod(round(state.time * 1e9), 1_000_000_000)
        rpy = rpy_from_quaternion(state.odom_orientation)
        imu = dds_types.GoImu(
            state.odom_orientation.tolist(), state.angular_velocity_base.tolist(),
            state.linear_acceleration_base.tolist(), rpy.tolist(), CASE_TEMPERATURE,
        )  # fmt: skip
        still = dds_types.PathPoint(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        return dds_types.SportState(
            dds_types.TimeSpec(seconds, rest), int(self._motion.state), imu, 0, 0.0, int(self._motion.walks),
            0.0, state.odom_position.tolist(), float(state.odom_position[2]),
            state.odom_velocity_base.tolist(), float(state.angular_velocity_base[2]), [0.0] * 4, [0] * 4,
            [0.0] * 12, [0.0] * 12, [still] * 10,
        )  # fmt: skip
