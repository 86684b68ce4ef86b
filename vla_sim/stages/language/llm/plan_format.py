"""The plan that a language model writes: its JSON schema for one world, its check, its meaning.

Every step has just the one field that its skill needs, and names are an enumeration of the world's, so
that a server with constrained output leaves a small model little room for nonsense.
"""

import contextlib
import json
import math
from typing import Any

import msgspec

from vla_sim.contract.limits import MAX_MODEL_STEPS
from vla_sim.contract.records import ObjectQuery, Step
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.llm.errors import LlmError, one_line
from vla_sim.stages.language.understanding.clarifications import Problem
from vla_sim.stages.language.understanding.lexicon import Lexicon
from vla_sim.stages.language.understanding.reference_resolver import Unresolved, check_amounts

MAX_QUESTION, MAX_NAME = 200, 60
"""Characters of a model's words that are spoken or logged."""


class LlmStep(msgspec.Struct, tag_field="skill", tag=str.lower, forbid_unknown_fields=True):
    """Base of the steps; the class name in lower case is the skill."""


class Navigate(LlmStep):
    place: str


class Find(LlmStep):
    object: str


class Pick(LlmStep):
    object: str


class Place(LlmStep):
    """Put down what is held."""

    surface: str


class Carry(LlmStep):
    """`place`: "user" is who speaks."""

    place: str


class Move(LlmStep):
    """Forward positive."""

    meters: float


class Sidestep(LlmStep):
    """Left positive."""

    meters: float


class Turn(LlmStep):
    """Left positive."""

    degrees: float


class Wait(LlmStep):
    seconds: float


class Stop(LlmStep):
    pass


class Ask(LlmStep):
    """The command is unclear or impossible."""

    question: str


AnyStep = Navigate | Find | Pick | Place | Carry | Move | Sidestep | Turn | Wait | Stop | Ask


class LlmPlan(msgspec.Struct, forbid_unknown_fields=True):
    steps: list[AnyStep]


_plan = msgspec.json.Decoder(LlmPlan)


def object_names(lexicon: Lexicon) -> list[str]:
    """ "red cup" and, for any colour, "cup"."""
    kinds = dict.fromkeys(one.kind for one in lexicon.objects)
    return [*(str(one) for one in lexicon.objects), *kinds]


def place_names(lexicon: Lexicon) -> list[str]:
    return [*lexicon.place_names, *lexicon.surface_place]


def schema(lexicon: Lexicon) -> dict[str, Any]:
    """The JSON schema of `LlmPlan` with the world's names, in the subset that OpenAI's strict mode
    takes (https://platform.openai.com/docs/guides/structured-outputs)."""
    out = msgspec.json.schema(LlmPlan)
    out["$defs"]["LlmPlan"]["properties"]["steps"]["items"].pop("discriminator", None)
    known = {
        "place": [*place_names(lexicon), "user"], "object": object_names(lexicon),
        "surface": list(lexicon.surface_place),
    }  # fmt: skip
    for kind in out["$defs"].values():
        kind.pop("description", None)
        for name, field in kind["properties"].items():
            if known.get(name):
                field["enum"] = known[name]
    return out


def read(text: str, lexicon: Lexicon, context: Context) -> list[Step]:
    """The intent's steps that a model's answer stands for.

    Raises `LlmError` naming the first mistake, `Unresolved` if the model or a limit asks back.
    """
    try:
        plan = _plan.decode(_bare(text))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise LlmError(f"not a plan: {error}") from None
    if not 0 < len(plan.steps) <= MAX_MODEL_STEPS:
        raise LlmError(f"a plan has 1 to {MAX_MODEL_STEPS} steps, this one has {len(plan.steps)}")
    question = next((one.question for one in plan.steps if isinstance(one, Ask)), None)
    if question is not None:
        raise Unresolved(Problem(one_line(question, MAX_QUESTION) or "What should I do?", "words"))
    return _steps(plan.steps, lexicon, context)


def check_beginning(text: str, lexicon: Lexicon, context: Context) -> None:
    """Raises `LlmError` as soon as the beginning of a model's answer cannot become a plan any more: it is not
    JSON, or a complete step is wrong. So the rest need not be awaited."""
    from jiter import from_json  # comes with the client

    bare = _bare(text)
    if not bare.strip("`json \n"):
        return
    try:
        begun = from_json(bare.encode(), partial_mode=True)
    except ValueError as error:
        raise LlmError(f"not a plan: {error}") from None
    if not isinstance(begun, dict) or not begun.keys() <= {"steps"}:
        raise LlmError('not a plan: it must be {"steps": [...]}')
    written = begun.get("steps", [])
    if not isinstance(written, list):
        raise LlmError("not a plan: its steps must be a list")
    complete = written[:-1]
    if len(complete) >= MAX_MODEL_STEPS:
        raise LlmError(f"a plan has 1 to {MAX_MODEL_STEPS} steps")
    try:
        steps = msgspec.convert(complete, list[AnyStep])
    except msgspec.ValidationError as error:
        raise LlmError(f"not a plan: {error}") from None
    with contextlib.suppress(Unresolved):
        _steps([one for one in steps if not isinstance(one, Ask)], lexicon, context)


def _steps(written: list[AnyStep], lexicon: Lexicon, context: Context) -> list[Step]:
    steps: list[Step] = []
    last = context.held or context.mentioned
    for number, one in enumerate(written, start=1):
        steps.append(_step(number, one, lexicon, last))
        last = steps[-1].object or last
    return steps


def _step(number: int, one: AnyStep, lexicon: Lexicon, last: ObjectQuery | None) -> Step:
    goals = [*place_names(lexicon), "user"]
    match one:
        case Navigate(place=place):
            return Step(skill="navigate", place=_known(number, "place", place, goals))
        case Find(object=name) | Pick(object=name):
            name = _known(number, "object", name, object_names(lexicon))
            colour, _, kind = name.rpartition(" ")
            query = ObjectQuery(kind=kind, colour=colour)
            return Step(skill="find" if isinstance(one, Find) else "pick", object=query)
        case Place() | Carry() if last is None:
            raise LlmError(f"step {number}: nothing was picked that could be put down or carried")
        case Place(surface=name):
            surface = _known(number, "surface", name, list(lexicon.surface_place))
            return Step(skill="place", object=last, place=surface)
        case Carry(place=place):
            return Step(skill="carry", object=last, place=_known(number, "place", place, goals))
        case Move(meters=meters):
            step = Step(skill="move", distance=meters)
        case Sidestep(meters=meters):
            step = Step(skill="move", lateral=meters)
        case Turn(degrees=degrees):
            step = Step(skill="turn", angle=math.radians(degrees))
        case Wait(seconds=seconds):
            step = Step(skill="wait", seconds=seconds)
        case _:
            step = Step(skill="stop")
    check_amounts(step)
    return step


def _known(number: int, what: str, name: str, known: list[str]) -> str:
    name = name.strip().lower()
    if name not in known:
        name = one_line(name, MAX_NAME)
        raise LlmError(f'step {number}: "{name}" is no {what}; allowed are {json.dumps(known)}')
    return name


def _bare(text: str) -> str:
    """Without a Markdown fence around it."""
    text = text.strip()
    if text.startswith("```"):
        text = text.removeprefix("```json").removeprefix("```").removesuffix("```")
    return text.strip()
