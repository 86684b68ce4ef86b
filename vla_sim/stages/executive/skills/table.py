"""The skills a plan is made of, by name.

Each is a generator that yields once a tick and returns a `Result`. Every failure's detail is a sentence that
the robot can speak.
"""

from collections.abc import Callable

from vla_sim.contract.records import Step
from vla_sim.stages.executive.goals import Result, Running, pause
from vla_sim.stages.executive.skill_context import SkillContext
from vla_sim.stages.executive.skills.carrying import carry, place
from vla_sim.stages.executive.skills.grasping import approach, pick
from vla_sim.stages.executive.skills.searching import find
from vla_sim.stages.executive.skills.walking import move, navigate, turn


def stop(ctx: SkillContext, step: Step) -> Running:
    return Result(True, "Stopped.")
    yield


def wait(ctx: SkillContext, step: Step) -> Running:
    yield from pause(ctx, step.seconds or 0.0)
    return Result(True)


def say(ctx: SkillContext, step: Step) -> Running:
    ctx.say(step.text)
    return Result(True)
    yield


SKILLS: dict[str, Callable[[SkillContext, Step], Running]] = {
    "navigate": navigate, "approach": approach, "find": find, "pick": pick, "place": place,
    "carry": carry, "move": move, "turn": turn, "stop": stop, "wait": wait, "say": say,
}  # fmt: skip
