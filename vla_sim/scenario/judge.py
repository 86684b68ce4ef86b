"""The verdict on a run, from the simulator's truth: what the words asked for, and whether it happened.

What is expected follows from the words that were really given (not from what the robot heard or
planned); where and when, from the truth. What the stack says of itself only tells when a step began
and ended.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from vla_sim.common.geometry import wrap
from vla_sim.contract import budgets, records
from vla_sim.contract.records import GroundTruth, ObjectQuery, Pose7, Step
from vla_sim.scenario.record import Check, GraspResult, StageLatency, Touch
from vla_sim.scenario.recording import MarkedStatus, Recording, heading, position
from vla_sim.world.semantic_map import Surface, World

LIFT = 0.10  # [m] an object must rise to count as lifted
HOLD = 2.0  # [s] it must stay there
ARRIVAL = 0.40  # [m] from a place's pose
RETURN = 0.60  # [m] from where the command was given
MOVE_ERROR = 0.20  # [m]
TURN_ERROR = math.radians(10.0)
FIND_ERROR = 0.06  # [m] between where an object is said to be and where it is
STOP_SPEED = 0.10  # [m/s] mean over the last second that counts as standing
FLOOR = ("floor", "ground")
FEET = ("left_ankle_roll_link", "right_ankle_roll_link")
GRIPPERS = ("_finger_left_link", "_finger_right_link", "_wrist_yaw_link")


def latencies(recording: Recording, command_id: str, spoken: bool) -> tuple[list[StageLatency], float | None]:
    """Each stage's latency [ms], and the total to the first motion (None if nothing moved)."""
    stages = []
    begin = end = None
    for name in records.STAGES:
        if name == "voice" and not spoken:
            continue
        events = [t for t in recording.traces if t.command_id == command_id and t.stage == name]
        if not events:
            continue
        event = events[0]
        budget = budgets.BUDGETS[name]
        stages.append(
            StageLatency(
                stage=name, milliseconds=event.milliseconds, limit=budget.limit, goal=budget.goal,
                source=recording.latency_source,
            )
        )  # fmt: skip
        if name in ("voice", "intent") and begin is None:
            begin = event.begin_mono
        if name == "control":
            end = event.end_mono
    total = (end - begin) * 1e3 if begin is not None and end is not None else None
    return stages, total


def forbidden_contacts(recording: Recording, liftable: set[str], held: set[str]) -> list[Touch]:
    """Every contact of the robot, or of an object that it holds, that is not part of the job.

    Allowed: feet with the floor, gripper with the objects it was told to take, a gripper's own parts
    with each other, and such an object with what it stands on or is put on.
    """
    touches = []
    for (a, b), reports in recording.touches.items():
        if _allowed(a, b, liftable, held):
            continue
        force = max(force for _, force in reports)
        touches.append(Touch(a=a, b=b, stamp=reports[0][0], force=force))
    return sorted(touches, key=lambda t: t.stamp)


def _allowed(a: str, b: str, liftable: set[str], held: set[str]) -> bool:
    names = [a.split("::"), b.split("::")]
    if names[0][0] != "g1" and names[1][0] != "g1":
        return True  # objects and furniture among themselves
    if names[0][0] == names[1][0] == "g1":
        return all(part[1].endswith(GRIPPERS) for part in names)
    robot, other = names if names[0][0] == "g1" else names[::-1]
    if other[0].startswith(FLOOR):
        return robot[1] in FEET
    return other[0] in held and other[0] in liftable and robot[1].endswith(GRIPPERS)


def grasp(
    recording: Recording, world: World, query: ObjectQuery, lift: float = LIFT, hold: float = HOLD
) -> GraspResult:
    """The best lift of any object that the query means, by `lift` [m] for `hold` [s]."""
    best = GraspResult(object=str(query), lifted=0.0, held=0.0, passed=False)
    for kind in world.objects:
        if not query.matches(kind):
            continue
        track = [(t.stamp, t.objects[kind.name][2]) for t in recording.truths if kind.name in t.objects]
        if not track:
            continue
        stamps, heights = np.array(track).T
        up = heights - heights[0] >= lift
        held, since = 0.0, None
        for stamp, lifted in zip(stamps, up, strict=True):
            if not lifted:
                since = None
                continue
            since = stamp if since is None else since
            held = max(held, float(stamp - since))
        rise = float((heights - heights[0]).max())
        if (held, rise) > (best.held, best.lifted):
            best = GraspResult(object=kind.name, lifted=rise, held=held, passed=held >= hold)
    return best


def judge_steps(recording: Recording, world: World, command_id: str, expected: list[Step]) -> list[Check]:
    """One check for each thing that the words asked for."""
    spans = step_spans(recording, command_id)
    checks: list[Check] = []
    start = recording.truths[0]
    used = 0
    for step in expected:
        found = next((i for i in range(used, len(spans)) if _same(spans[i][2], step)), None)
        name = describe(step)
        if found is None:
            if step.skill in ("wait", "say", "approach"):
                continue
            checks.append(Check(name=name, passed=False, detail="the robot did nothing of the kind"))
            continue
        used = found + 1
        begin, end, _ = spans[found]
        check = _judge(recording, world, step, name, begin, end, start)
        if check is not None:
            checks.append(check)
    return checks


def _same(done: Step, step: Step) -> bool:
    if step.skill == "find" and not step.place:  # no place was said: wherever it looked is right
        return (done.skill, done.object) == (step.skill, step.object)
    return (done.skill, done.place, done.object) == (step.skill, step.place, step.object)


def step_spans(recording: Recording, command_id: str) -> list[tuple[GroundTruth, GroundTruth, Step]]:
    """(truth at begin, truth at end, step) of every step that ran."""
    mine = [m for m in recording.statuses if m.status.command_id == command_id and m.truth]
    plan = next((p for p in reversed(recording.plans) if p.command_id == command_id), None)
    spans = []
    running: MarkedStatus | None = None
    for marked in mine:
        if running is not None and running.truth and marked.truth and plan:
            step = plan.steps[running.status.step]
            spans.append((running.truth, marked.truth, step))
        running = marked if marked.status.state == "running" else None
    return spans


def _judge(
    recording: Recording, world: World, step: Step, name: str, begin: GroundTruth, end: GroundTruth,
    start: GroundTruth,
) -> Check | None:  # fmt: skip
    if step.skill in ("navigate", "carry"):
        if step.place == "user":
            goal, tolerance = position(start), RETURN
        else:
            place = next((p for p in world.places if p.name == step.place), None)
            surface = next((s for s in world.surfaces if s.name == step.place), None)
            if place is not None:
                goal, tolerance = (place.x, place.y), ARRIVAL
            elif surface is not None:
                goal, tolerance = (surface.x, surface.y), max(surface.length, surface.width) / 2 + 1.0
            else:
                return Check(name=name, passed=False, detail="no such place in this world")
        off = math.dist(position(end), goal)
        detail = f"{off:.2f} m from it ({tolerance:.2f} allowed)"
        return Check(name=name, passed=off <= tolerance, detail=detail)
    if step.skill == "move":
        yaw = heading(begin)
        dx, dy = np.subtract(position(end), position(begin))
        ahead = math.cos(yaw) * dx + math.sin(yaw) * dy
        left = -math.sin(yaw) * dx + math.cos(yaw) * dy
        off = math.hypot(ahead - (step.distance or 0.0), left - (step.lateral or 0.0))
        detail = f"{ahead:+.2f} m ahead, {left:+.2f} m left"
        return Check(name=name, passed=off <= MOVE_ERROR, detail=detail)
    if step.skill == "turn":
        turned = turned_angle(recording.between(begin.stamp, end.stamp))
        off = abs(turned - (step.angle or 0.0))
        detail = f"{math.degrees(turned):+.1f} degrees"
        return Check(name=name, passed=off <= TURN_ERROR, detail=detail)
    if step.skill == "pick":
        result = grasp(recording, world, step.object or ObjectQuery())
        detail = f"{result.object} up {result.lifted:.2f} m, {result.held:.1f} s at {LIFT:.2f} m or more"
        return Check(name=name, passed=result.passed, detail=detail)
    if step.skill == "find":
        return _judge_find(recording, world, step, name, end)
    if step.skill == "place":
        return _judge_place(recording, world, step, name)
    return None


def _judge_find(recording: Recording, world: World, step: Step, name: str, end: GroundTruth) -> Check:
    """Of all that perception reported when the step ended, does one lie where such an object is?"""
    query = step.object or ObjectQuery()
    seen = [o for stamp, objects in recording.sightings if stamp <= end.stamp + 0.1 for o in objects][-40:]
    best = math.inf
    for item in seen:
        if not query.matches(item):
            continue
        for kind in world.objects:
            if query.matches(kind) and kind.name in end.objects:
                best = min(best, math.dist(item.position[:2], end.objects[kind.name][:2]))
    detail = f"reported {best:.3f} m from where it is" if math.isfinite(best) else "never seen"
    return Check(name=name, passed=best <= FIND_ERROR, detail=detail)


def _judge_place(recording: Recording, world: World, step: Step, name: str) -> Check:
    """An object that was moved rests on a surface of the place at the end."""
    first, last = recording.truths[0], recording.truths[-1]
    for s in world.surfaces:
        if step.place not in (s.name, s.place):
            continue
        for key, pose in last.objects.items():
            if math.dist(pose[:3], first.objects[key][:3]) > 0.10 and rests_on(s, pose):
                return Check(name=name, passed=True, detail=f"{key} is on the {s.name}")
    return Check(name=name, passed=False, detail="no object that was moved rests there")


def rests_on(surface: Surface, pose: Pose7) -> bool:
    """Whether something at `pose` stands within a surface's edges at its height."""
    dx, dy = pose[0] - surface.x, pose[1] - surface.y
    c, n = math.cos(surface.yaw), math.sin(surface.yaw)
    along, across = abs(c * dx + n * dy), abs(-n * dx + c * dy)
    inside = along <= surface.length / 2 and across <= surface.width / 2
    return inside and -0.02 <= pose[2] - surface.height <= 0.25


def turned_angle(truths: list[GroundTruth]) -> float:
    """Sum of the heading's changes [rad]: also more than half a turn."""
    yaws = [heading(t) for t in truths]
    return sum(wrap(b - a) for a, b in itertools.pairwise(yaws))


def mean_speed(truths: list[GroundTruth]) -> float:
    """Net displacement per second [m/s] over the given truths."""
    if len(truths) < 2 or truths[-1].stamp <= truths[0].stamp:
        return 0.0
    return math.dist(position(truths[-1]), position(truths[0])) / (truths[-1].stamp - truths[0].stamp)


def describe(step: Step) -> str:
    """A step in a few words: "navigate to kitchen", "pick red cup"."""
    parts: list[str] = [step.skill]
    if step.object is not None:
        parts.append(str(step.object))
    if step.place:
        parts.append(("in " if step.skill == "find" else "to ") + step.place)
    if step.distance is not None:
        parts.append(f"{step.distance:g} m")
    if step.lateral is not None:
        parts.append(f"{step.lateral:g} m to the left")
    if step.angle is not None:
        parts.append(f"{math.degrees(step.angle):.0f} degrees")
    if step.seconds is not None:
        parts.append(f"{step.seconds:g} s")
    return " ".join(parts)
