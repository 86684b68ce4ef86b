"""What a run's truth says, for checks and records: steps that were done, latencies, contacts.

What the stack says of itself only tells when a step began and ended.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import wrap
from vla_sim.contract import budgets
from vla_sim.contract.records import STAGES, GroundTruth, ObjectQuery, Pose7, Relation, Step
from vla_sim.robot import facts
from vla_sim.scenario.containment import is_inside
from vla_sim.scenario.record import Check, GraspResult, StageLatency, Touch
from vla_sim.scenario.recording import Given, Recording, heading, position
from vla_sim.scenario.targets import locate
from vla_sim.world.semantic_map import ROBOT, Surface, World
from vla_sim.world.world_file import words_of

LIFT = 0.10  # [m] an object must rise to count as lifted
HOLD = 2.0  # [s] it must stay there
SETTLED = 1.0  # [s] after which what the script has put somewhere lies there
ARRIVAL = 0.40  # [m] from a place's pose
RETURN = 0.60  # [m] from where the command was given
MOVE_ERROR = 0.20  # [m]
TURN_ERROR = math.radians(10.0)
NEXT_TO = 0.30  # [m] at most between the middles of two things that are next to each other
STACKED = 0.015  # [m] by which a thing may lie higher or lower than on top of another
FIND_ERROR = 0.06  # [m] between where an object is said to be and where it is
STOP_SPEED = 0.10  # [m/s] mean over the last second that counts as standing
UNJUDGED = ("wait", "say", "approach", "stop", "remember")
"""Skills that leave nothing in the world to judge by."""


def grasp(
    recording: Recording, world: World, query: ObjectQuery, lift: float = LIFT, hold: float = HOLD
) -> GraspResult:
    """The best lift of any object that the query means, by `lift` [m] for `hold` [s]."""
    best = GraspResult(object=str(query), lifted=0.0, held=0.0, passed=False)
    names = [kind.name for kind in world.meant(query)]
    for name, truths in [(one, part) for one in names for part in _parts(recording, one)]:
        stamps, heights = np.array([(t.stamp, t.objects[name][2]) for t in truths]).T
        up = heights - heights[0] >= lift
        held, since = 0.0, stamps[0]
        for stamp, is_up, was_up in zip(stamps, up, [False, *up[:-1]], strict=True):
            since = since if was_up else stamp
            if is_up:
                held = max(held, float(stamp - since))
        rise = float((heights - heights[0]).max())
        if (held, rise) > (best.held, best.lifted):
            best = GraspResult(object=name, lifted=rise, held=held, passed=held >= hold)
    return best


def _parts(recording: Recording, name: str) -> list[list[GroundTruth]]:
    """What is known of an object, parted where the script put it somewhere else, which is not the robot's
    doing: each part begins where it lay."""
    found, begin = [], -math.inf
    for put in [*(stamp for stamp, one, _ in recording.puts if one == name), math.inf]:
        found.append([t for t in recording.truths if begin <= t.stamp <= put and name in t.objects])
        begin = put + SETTLED
    return [part for part in found if part]


def _moved(recording: Recording, name: str) -> bool:
    """Whether an object lies elsewhere at the end than it did, or than the script put it."""
    puts = [stamp for stamp, one, _ in recording.puts if one == name]
    since, last = max(puts, default=-math.inf) + SETTLED, recording.truths[-1]
    lay = next((t for t in recording.truths if t.stamp >= since), last)
    return math.dist(last.objects[name][:3], lay.objects[name][:3]) > 0.10


def judge_steps(
    recording: Recording, world: World, command_id: str, expected: Sequence[Step]
) -> list[Check]:  # fmt: skip
    """One check for each thing that the words asked for."""
    spans = step_spans(recording, command_id)
    received = recording.understood.get(command_id, 0.0)
    start = next((t for t in recording.truths if t.stamp >= received), recording.truths[0])
    checks: list[Check] = []
    used = 0
    for step in expected:
        found = next((i for i in range(used, len(spans)) if _same(spans[i][2], step)), None)
        if found is not None:
            used = found + 1
        if step.skill in UNJUDGED:
            continue
        passed, detail = False, "the robot did nothing of the kind"
        if found is not None:
            passed, detail = _judge(recording, world, step, *spans[found][:2], start)
        checks.append(Check(name=str(step), passed=passed, detail=detail, kind=step.skill))
    return checks


def _same(done: Step, step: Step) -> bool:
    if step.skill == "find" and not step.place:  # no place was said: wherever it looked is right
        return (done.skill, _plain(done.object)) == (step.skill, _plain(step.object))
    mine, asked = ((s.skill, s.place, _plain(s.object), s.relation) for s in (done, step))
    return mine == asked


def _plain(query: ObjectQuery | None) -> ObjectQuery | None:
    """Without the name that it was given, of which a scenario knows nothing."""
    return None if query is None else msgspec.structs.replace(query, given_name="")


def step_spans(recording: Recording, command_id: str) -> list[tuple[GroundTruth, GroundTruth, Step]]:
    """(truth at begin, truth at end, step) of every step that ran; one that another command interrupted, and
    that was taken up again, ran once."""
    mine = [m for m in recording.statuses if m.status.command_id == command_id and m.truth]
    plan = recording.plan(command_id)
    spans: list[tuple[GroundTruth, GroundTruth, Step]] = []
    interrupted = False
    for begun, after in itertools.pairwise(mine):
        if begun.status.state == "running" and begun.truth and after.truth and plan:
            step, begin = plan.steps[begun.status.step], begun.truth
            if interrupted and spans[-1][2] is step:
                begin = spans.pop()[0]
            spans.append((begin, after.truth, step))
            interrupted = after.status.state == "accepted"
    return spans


def _judge(
    recording: Recording, world: World, step: Step, begin: GroundTruth, end: GroundTruth, start: GroundTruth
) -> tuple[bool, str]:  # fmt: skip
    """Whether a step that ran from `begin` to `end` was done, and what was measured. start: when its command
    was received."""
    if step.skill in ("navigate", "carry"):
        return _judge_arrival(world, step, end, start)
    if step.skill == "move":
        yaw = heading(begin)
        dx, dy = np.subtract(position(end), position(begin))
        ahead = math.cos(yaw) * dx + math.sin(yaw) * dy
        left = -math.sin(yaw) * dx + math.cos(yaw) * dy
        off = math.hypot(ahead - (step.distance or 0.0), left - (step.lateral or 0.0))
        return off <= MOVE_ERROR, f"{ahead:+.2f} m ahead, {left:+.2f} m left"
    if step.skill == "turn":
        turned = turned_angle(recording.between(begin.stamp, end.stamp))
        off = abs(turned - (step.angle or 0.0))
        return off <= TURN_ERROR, f"{math.degrees(turned):+.1f} degrees"
    if step.skill == "pick":
        since = replace(recording, truths=recording.between(begin.stamp, math.inf))
        result = grasp(since, world, step.object or ObjectQuery())
        return result.passed, lifted(result, f"{LIFT:.2f}")
    if step.skill == "find":
        return _judge_find(recording, world, step, end)
    if step.object is not None:
        return _judge_relation(recording, world, step.relation, step.object)
    return _judge_place(recording, world, step)


def _judge_arrival(world: World, step: Step, end: GroundTruth, start: GroundTruth) -> tuple[bool, str]:
    named = any(p.name == step.place for p in world.places)
    if step.place == "start" and not named:
        goal, tolerance = world.start[:2], ARRIVAL
    elif step.place == "user":
        goal, tolerance = position(start), RETURN
    else:
        try:
            x, y, _ = locate(world, step.place)
        except InputError:
            return False, "no such place in this world"
        sizes = [max(s.length, s.width) for s in world.surfaces if s.name == step.place]
        goal, tolerance = (x, y), ARRIVAL if named else sizes[0] / 2 + 1.0
    off = math.dist(position(end), goal)
    return off <= tolerance, f"{off:.2f} m from it ({tolerance:.2f} allowed)"


def lifted(result: GraspResult, height: str) -> str:
    """A grasp in words. height: from which on it counted [m]."""
    return f"{result.object} up {result.lifted:.2f} m, {result.held:.1f} s at {height} m or more"


def _judge_find(recording: Recording, world: World, step: Step, end: GroundTruth) -> tuple[bool, str]:
    """Of all that perception reported when the step ended, does one lie where such an object is?"""
    query = step.object or ObjectQuery()
    seen = [o for stamp, objects in recording.sightings if stamp <= end.stamp + 0.1 for o in objects][-40:]
    real = [end.objects[k.name][:2] for k in world.meant(query) if k.name in end.objects]
    off = (math.dist(o.position[:2], at) for o in seen if query.matches(o) for at in real)
    best = min(off, default=math.inf)
    detail = f"reported {best:.3f} m from where it is" if math.isfinite(best) else "never seen"
    return best <= FIND_ERROR, detail


def _judge_place(recording: Recording, world: World, step: Step) -> tuple[bool, str]:
    """An object that was moved rests on a surface of the place at the end."""
    for s in world.surfaces:
        if step.place not in (s.name, s.place):
            continue
        for key, pose in recording.truths[-1].objects.items():
            if _moved(recording, key) and rests_on(s, pose):
                return True, f"{key} is on the {s.name}"
    return False, "no object that was moved rests there"


def _judge_relation(
    recording: Recording, world: World, relation: Relation, query: ObjectQuery
) -> tuple[bool, str]:
    """An object that was moved is next to, on or in one that the query means and that stayed where it was."""
    last = recording.truths[-1]
    kinds = {k.name: k for k in world.objects if k.name in last.objects}
    moved = {k for k in kinds if _moved(recording, k)}
    detail = "no object that was moved is there"
    for name in kinds:
        for other in kinds.keys() - {name} if query.matches(kinds[name]) and name not in moved else ():
            here, there = last.objects[name], last.objects[other]
            off, rise = math.dist(here[:2], there[:2]), there[2] - here[2]
            sizes = kinds[name].size, kinds[other].size
            if relation == "into":
                passed = other in moved and is_inside(world, other, there, name, here)
            elif relation == "on top of":
                passed = off <= sizes[0][0] / 2 and abs(rise - (sizes[0][2] + sizes[1][2]) / 2) <= STACKED
            else:
                same = (s for s in world.surfaces if rests_on(s, here) and rests_on(s, there))
                passed = off <= NEXT_TO and any(same)
            if other in moved and (passed or off < 2 * NEXT_TO):
                detail = f"{other} is {off:.2f} m beside and {rise:.2f} m above {name}"
                if passed:
                    return True, detail
    return False, detail


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


def fastest(truths: list[GroundTruth], seconds: float) -> tuple[float, float]:
    """The greatest mean speed [m/s] over so long, and the stamp from which on it was; 0 of less time."""
    stamps, at = np.array([t.stamp for t in truths]), np.array([position(t) for t in truths])
    end = np.searchsorted(stamps, stamps + seconds - 1e-6)
    begin = np.flatnonzero(end < len(stamps))
    if not len(begin):
        return 0.0, 0.0
    end = end[begin]
    speeds = np.hypot(*(at[end] - at[begin]).T) / (stamps[end] - stamps[begin])
    first = int(np.argmax(speeds))
    return float(speeds[first]), float(stamps[begin[first]])


def latencies(recording: Recording, given: Given) -> tuple[list[StageLatency], float | None]:
    """Each stage's latency [ms], and the total [ms] from the end of speech (or the typed command) to the
    first motion; None if nothing moved, or if nobody told when it began."""
    events = {t.stage: t for t in reversed(recording.traces) if t.command_id == given.command_id}
    if not given.spoken:
        events.pop("voice", None)
    stages = [
        StageLatency(
            stage=name, milliseconds=events[name].milliseconds, limit=budgets.BUDGETS[name].limit,
            goal=budgets.BUDGETS[name].goal, source=recording.latency_source,
        )
        for name in STAGES if name in events
    ]  # fmt: skip
    first, last = events.get("voice" if given.spoken else "intent"), events.get("control")
    return stages, (last.end_mono - first.begin_mono) * 1e3 if first and last else None


FLOOR = ("floor", "ground", "plane", "carpet", "rug", "mat", "tile", "tiles")
"""How the name of what is walked on ends: a floor lamp is none."""
FEET = tuple(facts.FOOT_LINK.values())
GRIPPERS = tuple(facts.HAND.links) if facts.HAND else ()


def forbidden_contacts(recording: Recording, held: set[str]) -> list[Touch]:
    """Every contact of the robot that is not part of the job, in order of time.

    Allowed: feet with the floor, gripper with the objects that it was commanded to take (`held`: their
    names), and the parts of a gripper with each other.
    """
    touches = [
        Touch(a=a, b=b, stamp=reports[0][0], force=max(force for _, force in reports))
        for (a, b), reports in recording.touches.items()
        if not _allowed(a.split("::"), b.split("::"), held)
    ]
    return sorted(touches, key=lambda t: t.stamp)


def _allowed(a: list[str], b: list[str], held: set[str]) -> bool:
    """a, b: names of model, link and collision."""
    if ROBOT not in (a[0], b[0]):
        return True  # objects and furniture among themselves
    if a[0] == b[0] == ROBOT:
        return a[1] in GRIPPERS and b[1] in GRIPPERS
    robot, other = (a, b) if a[0] == ROBOT else (b, a)
    words = words_of(other[0])
    if words and words[-1] in FLOOR:
        return robot[1] in FEET
    return other[0] in held and robot[1] in GRIPPERS
