"""A simulated G1 and its driver in lock-step, with a network in memory between them.

    PYTHONPATH=. python test/hardware/unitree/protocol_rig.py

prints the table of docs/hardware.md: what the robot does after each fault at each moment, by the simulator's
truth and by what its legs and arms are commanded.
"""

import weakref
from dataclasses import dataclass

import numpy as np

from vla_sim.common.assets import find_world
from vla_sim.common.geometry import inverse, pose7, transform
from vla_sim.hardware.unitree import dds_types, link
from vla_sim.hardware.unitree.cable import Cable
from vla_sim.hardware.unitree.driver import PERIODS, DriverLoop, Topics
from vla_sim.hardware.unitree.driver_core import Driver
from vla_sim.hardware.unitree.motion import ARMS, TICK, TICKS, Motion, State
from vla_sim.hardware.unitree.simulated_g1 import SimulatedG1
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD, Body, JointCommand, checked
from vla_sim.robot.kinematics import Kinematics
from vla_sim.ros.pacer import RealTimePacer
from vla_sim.simulation.registry import import_mujoco
from vla_sim.stages.control.controller import Controller
from vla_sim.stages.control.policy import load_policy, standing_policy
from vla_sim.stages.control.velocity import CALIBRATION

SIDE, BOX = "left", "red_box"
LEVEL = np.array([-0.3, 0.25, 0.0, 0.4, 0.0, -0.1, 0.0])
"""[rad] of the left arm, with the hand level and ahead of the shoulder."""


class Wire:
    """What is written on a topic is read there, by way of its bytes."""

    def __init__(self):
        self._queues = {}

    def writer(self, name, kind):
        def send(sample):
            for queue in self._queues.get(name, ()):
                queue.append(kind.deserialize(sample.serialize()))

        return send

    def reader(self, name, kind):
        queue = []
        self._queues.setdefault(name, []).append(queue)

        def take():
            found = queue[:]
            queue.clear()
            return found

        return take


class Rig:
    """velocity: (3,) that the body asks for. alive: whether the driver runs. Times are the robot's [s]."""

    def __init__(self, jitter=0.0, loss=0.0, seed=0, mode="sport"):
        import_mujoco()
        from vla_sim.simulation.mujoco.simulator import MujocoSimulator

        self.body = MujocoSimulator(find_world("conformance"), sensors="software", period=TICK)
        self.kinematics = kinematics = Kinematics.load()
        walks = Controller(kinematics.arm, load_policy(), CALIBRATION["fastsac"])
        self.motion = Motion(walks, self.body.model_damping)
        self.lines, wire = [], Wire()
        cable = Cable(wire, dds_types.copied, jitter, loss, seed)
        self.robot = SimulatedG1(self.body, self.motion, cable, self.lines.append)
        ours, theirs = link.pair()
        for end in (ours, theirs):
            weakref.finalize(self, end.close)
        self._end, self._period = ours, PERIODS[mode]
        self._link, self._damping = link.Link(ours, link.STATE), kinematics.of_joints("damping")
        self.driver = Driver(mode, kinematics)
        self._loop = DriverLoop(
            self.driver, Topics(wire), link.Link(theirs, link.COMMAND), RealTimePacer(self._period, 1.0),
            clock=lambda: self.body.time,
        )  # fmt: skip
        self.controller = Controller(kinematics.arm, standing_policy())
        self.state, self.why, self.velocity, self.alive = None, "not armed", np.zeros(3), True
        self.commands = True
        """Whether this controller's commands are sent: else a `RigBody` is commanded."""
        self.latched = []
        """Each reason not to obey that the driver gave."""
        self.arms_moved = 0.0
        """When the arms' command changed last."""
        self._due, self._ticks, self._arms = 0.0, 0, None

    def run(self, seconds, each=lambda: None):
        """each: called at every control period of the body."""
        for _ in range(round(seconds / TICK)):
            self.robot.tick()
            self._ticks += 1
            if self.alive and self.body.time >= self._due:
                self._due += self._period
                self.alive = self._loop.tick()
                if self.driver.why not in ("", *self.latched):
                    self.latched.append(self.driver.why)
            if self._ticks % TICKS == 0 and self._end.fileno() >= 0:
                self._hear()
                if self.commands:
                    self._control()
                each()
            self._watch()

    def _hear(self):
        record = self._link.newest()
        if record is not None:
            self.state, self.why = link.robot_state(record), record["why"].decode()

    def _control(self):
        if self.state is not None:
            self.controller.velocity.ask(*self.velocity, self.state.time)
            self.send(self.controller.update(self.state), True)

    def leave(self):
        """The body's program ends."""
        self._end.close()

    def send(self, command, armed):
        """To the driver."""
        self._link.send(link.command_record(command, self._damping, armed))

    def _watch(self):
        message = self.motion.arms.at(self.body.time)
        if message is None or self.motion.state is State.DAMP:
            return
        arms = message.motors["q"][ARMS].copy()
        if self._arms is not None and np.abs(arms - self._arms).max() > 1e-5:
            self.arms_moved = self.body.time
        self._arms = arms

    @property
    def legs_move(self):
        """Whether the robot's own controller is to walk."""
        return self.motion.balances and self.motion.walks

    def reach(self, side, joints, seconds):
        """An arm goes to `joints` (7,) [rad], by the minimum-jerk way."""
        start = self.state.joint_position[facts.ARM_INDEX[side]]
        share = np.linspace(0.0, 1.0, 50)[1:, None]
        path = start + (joints - start) * share**2 * (3.0 - 2.0 * share)
        times = seconds * np.arange(1, 50) / 49
        self.controller.arm_trajectory(side, facts.ARM_JOINTS[side], times, path)

    def tool(self):
        """(4, 4) of the hand's tool in the world, as it really is."""
        robot = self.body.poses()[0]
        frame = self.kinematics.frame(facts.TOOL_FRAME[SIDE], self.body.joint_position)
        return transform(robot[:3], robot[3:]) @ frame

    def take_box(self):
        """Between the fingers of the left hand."""
        self.run(2.5)  # it obeys whole
        self.reach(SIDE, LEVEL, 2.0)
        self.controller.hand[SIDE].move(facts.WIDEST)
        self.run(2.5)
        self.controller.hand[SIDE].move(0.0)
        self.run(1.5, lambda: self.body.put(BOX, pose7(self.tool())))
        self.run(0.5)

    def box_in_hand(self):
        """(3,) [m]"""
        box = self.body.poses()[1][BOX]
        return (inverse(self.tool()) @ transform(box[:3], box[3:]))[:3, 3]


class RigBody(Body):
    """The rig's robot as the body that `UnitreeRobot` is."""

    def __init__(self):
        self.rig, self._armed = Rig(), False
        self.rig.commands = False
        self.step()

    @property
    def why(self):
        return self.rig.why

    def arm(self):
        self._armed = True

    def disarm(self):
        self._armed = False
        size = len(facts.JOINTS)
        self.rig.send(JointCommand(self.state().joint_position, np.zeros(size), np.zeros(size)), False)

    def state(self):
        return self.rig.state.copy()

    def command(self, command):
        self.rig.send(checked(command), self._armed)

    def step(self):
        self.rig.run(CONTROL_PERIOD)


FAULTS = {
    "cable pulled": ("unplug 60", "the robot is silent"),
    "driver killed": (None, ""),
    "L2 and B on the remote": ("press L2+B", "stopped by the remote control"),
    "battery at 39 V": ("battery 39", "the battery is at 39.0 V"),
    "a motor at 95 degrees": ("heat left_knee_joint 95", "left_knee_joint is 95 degrees hot"),
}
"""What is typed at the robot, and what the driver says then."""
MOMENTS = ("standing", "walking", "an arm moving")


@dataclass
class Ending:
    """legs, arms: for how long each was commanded to move still [s]. way: walked after the fault [m]. slip:
    of what is held [m]. why: what the driver says first; a robot that sinks may fall as well."""

    legs: float
    arms: float
    way: float
    slip: float
    fallen: bool
    state: State
    why: str


def play(fault, moment, **rig):
    """One fault at one moment of a robot that holds a box, and how it ends."""
    made = Rig(**rig)
    made.take_box()
    if moment == "walking":
        made.velocity[0] = 0.3
        made.run(1.5)
        assert made.legs_move
    elif moment == "an arm moving":
        made.reach("right", np.array([-0.8, -0.3, 0.0, 0.3, 0.0, 0.0, 0.0]), 3.0)
        made.run(1.0)
        assert made.body.time - made.arms_moved < 0.05
    assert made.driver.why == ""
    made.latched.clear()
    began, before, held = made.body.time, made.body.truth(), made.box_in_hand()
    line = FAULTS[fault][0]
    if line is None:
        made.alive = False
    else:
        made.robot.typed.append(line)
    moved = [began]
    for _ in range(round(3.0 / TICK)):
        made.run(TICK)
        if made.legs_move:
            moved.append(made.body.time)
    after = made.body.truth()
    return Ending(
        moved[-1] - began, max(0.0, made.arms_moved - began),
        float(np.hypot(*(after.robot - before.robot)[:2])),
        float(np.linalg.norm(made.box_in_hand() - held)), after.fallen, made.motion.state,
        next(iter(made.latched), ""),
    )  # fmt: skip


def main():
    print("| what happens | standing | walking at 0.3 m/s | an arm moving |\n| --- | --- | --- | --- |")
    for fault in FAULTS:
        cells = []
        for moment in MOMENTS:
            one = play(fault, moment)
            damped = one.state is State.DAMP
            words = ["damped" if damped else "fell" if one.fallen else "stands"]
            words += (
                [f"legs {1e3 * one.legs:.0f} ms, {100 * one.way:.0f} cm"] if one.legs and not damped else []
            )
            words += [f"arms {1e3 * one.arms:.0f} ms"] if one.arms else []
            words += [] if damped else [f"box {1e3 * one.slip:.0f} mm"]
            cells.append(", ".join(words))
        print(f"| {fault} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
