"""Learning what the owner calls a thing that is looked at."""

from vla_sim.contract import topics
from vla_sim.contract.records import ObjectName, ObjectQuery, Step
from vla_sim.stages.executive.goals import Result, Running
from vla_sim.stages.executive.skill_context import SkillContext
from vla_sim.stages.executive.skills.searching import SEEN_WITHIN, glance

ANSWER_TIMEOUT = 2.0  # [s] for perception to tell of the thing by its name


def remember(ctx: SkillContext, step: Step) -> Running:
    """The one thing that is in sight, and that the step's object means, is the owner's `step.text`."""
    name, query = step.text, step.object or ObjectQuery()
    yield from glance(ctx, query)
    seen = ctx.in_sight(query, ctx.now - SEEN_WITHIN)
    if not seen:
        return Result(False, f"I see no {query} in front of me. Which thing is your {name}?")
    if len(seen) > 1:
        return Result(
            False,
            f"I see {len(seen)} things. Which one is your {name}? "
            f"Say for example: the {seen[0].called} is my {name}.",
        )
    ctx.send(topics.OBJECT_NAME, ObjectName(track_id=seen[0].track_id, name=name))
    began = ctx.now
    while not any(o.given_name == name and o.track_id == seen[0].track_id for o in ctx.objects):
        if ctx.now - began > ANSWER_TIMEOUT:
            return Result(False, f"I could not keep in mind what your {name} is.")
        yield
    return Result(True, f"The {seen[0].called} is your {name}.")
