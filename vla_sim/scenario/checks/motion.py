"""Checks of motion: falls, contacts, clearance, arrival, path, standing."""

import math
from typing import Annotated

import msgspec

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import wrap
from vla_sim.contract.records import Skill
from vla_sim.scenario.checks.base import CheckSpec, Number, Run, outcome
from vla_sim.scenario.format import Name, NotNegative, Positive
from vla_sim.scenario.judge import ARRIVAL, STOP_SPEED, mean_speed
from vla_sim.scenario.record import Check
from vla_sim.scenario.recording import heading, path_length, path_of, position
from vla_sim.scenario.targets import Named, as_model, locate
from vla_sim.world.semantic_map import World


class NoFall(CheckSpec, frozen=True, kw_only=True, tag="no_fall"):
    """The robot stays on its feet."""

    def judge(self, run: Run) -> Check:
        fallen = next((t.stamp for t in run.recording.truths if t.fallen), None)
        detail = "on its feet" if fallen is None else f"it fell at {fallen - run.begin:.1f} s"
        return outcome("stays on its feet", fallen is None, detail)


class NoCollision(CheckSpec, frozen=True, kw_only=True, tag="no_collision"):
    """The robot touches nothing but the floor with its feet and, with its gripper, what it was commanded to
    take. allow: models that it may touch as well."""

    allow: list[Name] = msgspec.field(default_factory=list)

    def names(self) -> list[Named]:
        return [("model", name) for name in self.allow]

    def judge(self, run: Run) -> Check:
        allowed = set(map(as_model, self.allow))
        touches = [t for t in run.touches() if not allowed & {as_model(t.a), as_model(t.b)}]
        found = [f"{t.a} touched {t.b} at {t.stamp - run.begin:.1f} s with {t.force:.0f} N" for t in touches]
        return outcome("touches nothing", not touches, "; ".join(found[:4]) or "no forbidden contact")


class Clearance(CheckSpec, frozen=True, kw_only=True, tag="clearance"):
    """The robot never comes nearer than this to anything fixed or moving [m]. while_skill: only then."""

    at_least: NotNegative
    while_skill: Skill | None = None

    def judge(self, run: Run) -> Check:
        truths = run.recording.truths
        if self.while_skill is not None:
            truths = [t for t in truths if run.recording.skill_at(t.stamp) == self.while_skill]
        name = f"keeps {self.at_least:g} m away" + (f" in {self.while_skill}" if self.while_skill else "")
        if not truths:
            return outcome(name, False, "never observed")
        nearest = min(truths, key=lambda t: t.clearance)
        detail = f"{nearest.clearance:.3f} m at {nearest.stamp - run.begin:.1f} s"
        return outcome(name, nearest.clearance >= self.at_least, detail)


class Arrival(CheckSpec, frozen=True, kw_only=True, tag="arrival"):
    """At the end (or when `command` ended) the robot stands within `within` metres of a place, surface or
    [x, y] and, for a place, within `heading` [degrees] of the place's heading."""

    at: str | tuple[float, float]  # Name | tuple crashes msgspec 0.22 in the garbage collector
    within: Positive = ARRIVAL
    heading: Positive | None = None
    command: Number | None = None

    def names(self) -> list[Named]:
        return [("place", self.at)] if isinstance(self.at, str) else []

    def judge(self, run: Run) -> Check:
        truth = run.last(self.command)
        x, y, yaw = locate(run.world, self.at)
        off = math.dist(position(truth), (x, y))
        detail, passed = f"{off:.2f} m from it", off <= self.within
        if self.heading is not None:
            if yaw is None:
                raise InputError(f"{self.at} has no heading; leave heading out")
            turn = math.degrees(abs(wrap(heading(truth) - yaw)))
            detail, passed = f"{detail}, {turn:.0f} degrees off", passed and turn <= self.heading
        return outcome(f"arrives at {self.at}", passed, f"{detail} ({self.within:g} m allowed)")


class PathEfficiency(CheckSpec, frozen=True, kw_only=True, tag="path_efficiency"):
    """The shortest way for the robot's width, divided by the way walked, is at least this much."""

    at_least: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)]

    def judge(self, run: Run) -> Check:
        path = path_of(run.recording.truths)
        walked = path_length(path)
        least = _shortest(run.world, path[0][1:], path[-1][1:])
        name = f"path efficiency {self.at_least:g} or more"
        if least is None or walked < 1e-6:
            return outcome(name, False, "no way on the map" if least is None else "it did not walk")
        return outcome(name, least / walked >= self.at_least, f"{least:.2f} of {walked:.2f} m")


class Stands(CheckSpec, frozen=True, kw_only=True, tag="stands"):
    """The robot stands still during the last second."""

    def judge(self, run: Run) -> Check:
        return stands(run)


class StopsWithin(CheckSpec, frozen=True, kw_only=True, tag="stops_within"):
    """After the robot heard command `command`, it walks no further than `distance` [m] and stands within
    `seconds`, until the next command is given."""

    command: Number
    seconds: Positive = 2.0
    distance: Positive = 0.5

    def judge(self, run: Run) -> Check:
        given = run.command(self.command)
        heard = run.recording.understood.get(given.command_id)
        name = f"stops within {self.seconds:g} s and {self.distance:g} m"
        if heard is None:
            return outcome(name, False, "the command was never understood")
        later = [g.stamp for g in run.commands[self.command :] if g.stamp > heard]
        after = run.recording.between(heard, min(later, default=math.inf))
        went = max((math.dist(position(t), position(after[0])) for t in after), default=0.0)
        must = heard + self.seconds
        rest = [t for t in after if must <= t.stamp <= must + 1.0]
        if len(rest) < 2:  # nobody watched it for so long: then it must stand already
            rest = [t for t in after if t.stamp >= after[-1].stamp - 0.5]
        if len(rest) < 2:
            return outcome(name, False, "what came after it was not watched")
        speed = mean_speed(rest)
        passed = went <= self.distance and speed < STOP_SPEED
        return outcome(name, passed, f"{went:.2f} m further, then {speed:.2f} m/s")


def stands(run: Run) -> Check:
    """Whether the robot stands still at the end of the run."""
    end = run.recording.truths[-1].stamp
    speed = mean_speed(run.recording.between(end - 0.8, end))
    return outcome("stands at the end", speed < STOP_SPEED, f"{speed:.3f} m/s")


def _shortest(world: World, start: tuple[float, float], goal: tuple[float, float]) -> float | None:
    """Length [m] of the shortest way on the map for the robot's width; None if there is none."""
    # Here, since navigation's kernels take seconds to load.
    from vla_sim.stages.navigation.costmap import StaticMap
    from vla_sim.stages.navigation.global_planner import Path, plan_path

    static = StaticMap.from_world(world)
    found = plan_path(static.clearance, start, goal, tolerance=0.5, weight=0.0)
    return found.length if isinstance(found, Path) else None
