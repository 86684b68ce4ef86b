"""What every check is: a part of a scenario file that judges a `Run`.

A package of yours adds checks by an entry point:

    [project.entry-points."vla_sim.checks"]
    kept_left = "my_package:KeptLeft"        # class KeptLeft(CheckSpec, frozen=True, tag="kept_left")
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from vla_sim.common.errors import InputError
from vla_sim.contract.records import GroundTruth
from vla_sim.scenario.format import Part
from vla_sim.scenario.judge import forbidden_contacts
from vla_sim.scenario.record import Check, RunRecord, Touch
from vla_sim.scenario.recording import Given, Recording
from vla_sim.world.semantic_map import World

Number = Annotated[int, msgspec.Meta(ge=1)]  # of a command; the first is 1


@dataclass(frozen=True)
class Run:
    """What a check may look at. begin: stamp of the first command."""

    world: World
    recording: Recording
    commands: tuple[Given, ...]
    begin: float

    def command(self, number: int) -> Given:
        """The command of this number, from 1. Raises `InputError` if it was never given."""
        if number > len(self.commands):
            raise InputError(f"command {number} was never given")
        return self.commands[number - 1]

    @property
    def held(self) -> set[str]:
        """Names of the objects that the commands say to take."""
        steps = [s for given in self.commands for s in self.recording.steps(given)]
        queries = [s.object for s in steps if s.skill == "pick" and s.object]
        return {k.name for q in queries for k in self.world.meant(q)}

    def touches(self) -> list[Touch]:
        return forbidden_contacts(self.recording, self.held)

    def last(self, number: int | None) -> GroundTruth:
        """The truth when a command ended, or at the end of the run."""
        end = None if number is None else self.recording.end(self.command(number).command_id)
        return end.truth if end is not None and end.truth is not None else self.recording.truths[-1]


class CheckSpec(Part, frozen=True, kw_only=True, tag_field="check"):
    """Base of checks. A subclass sets its `tag` and implements `judge`."""

    def judge(self, run: Run) -> Check | list[Check]:
        """One verdict or several. Raises `InputError` where the check cannot be judged."""
        raise NotImplementedError

    def judge_runs(self, records: Sequence[RunRecord]) -> Check | None:
        """The verdict over all runs of a sweep; None for a check of single runs."""
        return None


def outcome(name: str, passed: bool, detail: str, *, speed: bool = False) -> Check:
    return Check(name=name, passed=bool(passed), detail=detail, speed=speed)
