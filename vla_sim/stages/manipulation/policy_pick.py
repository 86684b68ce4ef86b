"""Picking by a learned policy: it is sent what the robot senses, and its chunks of actions go to safety as
any other motion of an arm does. Whether something is held and lifted is judged here, from the gripper's
opening and the tool's height, since policies do not say when they are done.
"""

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import get_args

import numpy as np

from vla_sim.common.asking import Asking
from vla_sim.common.geometry import Array
from vla_sim.contract.records import Arm, DetectedObject
from vla_sim.robot.kinematics import ArmChain, Kinematics
from vla_sim.stages.manipulation.actions import LIFTED, Action, Actions, End, Step
from vla_sim.stages.manipulation.arms import EMPTY, GripperCommand, Held
from vla_sim.stages.manipulation.grasp import Target
from vla_sim.stages.manipulation.planning_scene import Observation
from vla_sim.stages.manipulation.trajectory import Trajectory
from vla_sim.stages.policy import chunk
from vla_sim.stages.policy.errors import PolicyError
from vla_sim.stages.policy.mapping import Mapping
from vla_sim.stages.policy.observation import observe

TIME_LIMIT = 40.0
"""[s] in which the object must be lifted; then the pick is given up."""
SAME_OPENING = 0.004
"""[m] by which a gripper's wanted opening must change to be sent again."""
HELD_UP = 0.3
"""[s] for which a hand must hold the object up."""
WAYMARK = 0.05
"""[rad] between two postures that are kept of the way that an arm came."""


@dataclass(frozen=True)
class Waymark:
    """Where an arm was, (7,) [rad], and the opening that its gripper was sent to [m]."""

    joints: Array
    opening: float


@dataclass
class Hand:
    """What one side has done in this pick. opening: that its gripper was sent to [m]. way: that its arm came.
    taken: what the gripper has closed on, at the height closed_at of the tool in odom [m]; up_since
    [s]: since when that is lifted."""

    opening: float
    way: list[Waymark] = field(default_factory=list)
    taken: Held | None = None
    closed_at: float = 0.0
    up_since: float = math.inf


class PolicyPick:
    """asking: makes a connection, for each pick a new one. Raises what that raises."""

    def __init__(self, mapping: Mapping, asking: Callable[[], Asking], kinematics: Kinematics) -> None:
        self._mapping, self._connect, self._kinematics = mapping, asking, kinematics
        self.answers = 0
        """Chunks that have come, in all picks."""

    def pick(self, actions: Actions, item: DetectedObject, target: Target, arm: Arm | None = None) -> Action:
        """Until the object is lifted, or why it is not; then the arms are back where they came from. arm: the
        one that shall; what the policy says of the other one is left out, as of one that holds something."""
        arms = actions.arms
        wanted: tuple[Arm, ...] = get_args(Arm) if arm is None else (arm,)
        free = [side for side in wanted if side not in actions.held]
        hands = {
            side: Hand(arms.grippers[side].width)
            for side in free if f"{side}_arm" in self._mapping.actions.parts
        }  # fmt: skip
        if not hands:
            return End(False, f"My policy does not move my {' or '.join(free)} arm.", hopeless=True)
        asking = self._connect()
        try:
            detail = yield from self._follow(actions, asking, item, target, hands)
        except PolicyError as error:
            detail = f"{str(error)[:1].upper()}{str(error)[1:]}."
            arms.halt()
            yield from self._back(actions, hands)
            return End(False, detail, hopeless=True)
        finally:
            asking.close()
        if detail:
            arms.halt()
            yield from self._back(actions, hands)
        return End(not detail, detail)

    def _follow(
        self, actions: Actions, asking: Asking, item: DetectedObject, target: Target, hands: dict[Arm, Hand]
    ) -> Generator[None, None, str]:
        """Go along with the policy. "" once the object is lifted, or why it was given up."""
        arms, mapping, motion = actions.arms, self._mapping, chunk.Motion()
        chains: dict[str, ArmChain] = {side: self._kinematics.arm[side] for side in hands}
        began, asked = arms.now.time, -math.inf
        sent: Observation | None = None
        actions.say("following the policy")
        while arms.now.time - began < TIME_LIMIT:
            now = arms.now.time
            answer = asking.answer(now)
            if answer is not None and sent is not None:
                self.answers += 1
                new = chunk.read(mapping, answer, sent, chains)
                if motion.take(new, now, arms.now.joint_position) and motion.chunk is not None:
                    for side, q in motion.chunk.arms.items():
                        times, speeds = motion.chunk.times - now, motion.velocities(side)
                        arms.follow(Trajectory(side, times, q, velocities=speeds))
                        actions.around.add(side)
            if not asking.busy and now - asked >= mapping.execute * mapping.period - 1e-6:
                sent = arms.now
                asking.ask(observe(mapping, sent, item.called), now)
                asked = now
            for side, hand in hands.items():
                self._grip(actions, side, hand, motion.opening(side, now))
                if self._lifted(actions, side, hand, item, target):
                    arms.halt()
                    return ""
            yield
        return f"The policy has not lifted the {item.called} within {TIME_LIMIT:g} seconds."

    def _grip(self, actions: Actions, side: Arm, hand: Hand, opening: float | None) -> None:
        """Send the gripper where the policy wants it, and note the way that the arm goes."""
        arms = actions.arms
        if opening is not None and abs(opening - hand.opening) > SAME_OPENING:
            hand.opening = opening
            arms.out.append(GripperCommand(side, opening))
        q = arms.joints(side)
        last = hand.way[-1] if hand.way else None
        if last is None or np.abs(q - last.joints).max() > WAYMARK or last.opening != hand.opening:
            hand.way.append(Waymark(q, hand.opening))

    def _lifted(self, actions: Actions, side: Arm, hand: Hand, item: DetectedObject, target: Target) -> bool:
        """Whether this hand holds the object up; then it is held."""
        arms, now = actions.arms, actions.arms.now.time
        gripper, tool = arms.grippers[side], arms.tool(side)
        squeezes = gripper.width > max(EMPTY, hand.opening + EMPTY)
        if not squeezes or (hand.taken is None and not gripper.still()):
            hand.taken, hand.up_since = None, math.inf
            return False
        if hand.taken is None:
            hand.taken, hand.closed_at = _held(side, item, target, tool, gripper.width), float(tool[2, 3])
        risen = float(tool[2, 3]) - hand.closed_at > LIFTED
        hand.up_since = min(hand.up_since, now) if risen else math.inf
        if now - hand.up_since < HELD_UP:
            return False
        actions.held[side] = hand.taken
        actions.around.discard(side)
        actions.say("lifting", arm=side)
        return True

    def _back(self, actions: Actions, hands: dict[Arm, Hand]) -> Step:
        """Every arm back the way it came, which was free, and open where it was open."""
        actions.say("retreating")
        for side, hand in hands.items():
            way = hand.way
            while len(way) > 1:
                piece = [actions.arms.joints(side)]
                opening = way[-1].opening
                while way and way[-1].opening == opening:
                    piece.append(way.pop().joints)
                yield from actions.arms.postures({side: np.array(piece)})
                if way:
                    yield from actions.arms.grip(side, way[-1].opening)
            actions.around.discard(side)


def _held(side: Arm, item: DetectedObject, target: Target, tool: Array, width: float) -> Held:
    """What a hand whose tool is at (4, 4) in odom has closed on."""
    ahead_axis = tool[:3, 0]
    yaw = math.atan2(ahead_axis[1], ahead_axis[0])
    pitch = -math.asin(float(np.clip(ahead_axis[2], -1.0, 1.0)))
    offset = np.array(target.position) - tool[:3, 3]
    ahead = math.cos(yaw) * offset[0] + math.sin(yaw) * offset[1]
    return Held(side, item, target, float(ahead), float(offset[2]), pitch, width)
