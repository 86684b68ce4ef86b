"""The plan that a language model writes: its JSON schema for one world, its check, its meaning.

Every step has just the one field that its skill needs, or a second one for how it is done, and names are an
enumeration of the world's, so that a server with constrained output leaves a small model little room for
nonsense.
"""

import contextlib
import json
import math
from typing import Any, Literal, Union

import msgspec

from vla_sim.contract.limits import MAX_MODEL_STEPS
from vla_sim.contract.records import Arm, ObjectQuery, Step
from vla_sim.contract.vocabulary import PACES
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.llm.errors import WrongAnswerError, one_line
from vla_sim.stages.language.understanding.clarifications import WHERE_ARE_YOU, Problem
from vla_sim.stages.language.understanding.lexicon import Lexicon
from vla_sim.stages.language.understanding.reference_resolver import ON_THE_SPOT, Unresolved, check_amounts

MAX_QUESTION, MAX_NAME = 200, 60
"""Characters of a model's words that are spoken or logged."""


FIELDS: dict[str, dict[str, type]] = {
    "navigate": {"place": str}, "find": {"object": str}, "pick": {"object": str}, "place": {"surface": str},
    "place_next_to": {"object": str}, "place_on_top_of": {"object": str}, "carry": {"place": str},
    "move": {"meters": float}, "sidestep": {"meters": float}, "turn": {"degrees": float},
    "wait": {"seconds": float}, "stop": {}, "ask": {"question": str},
}  # fmt: skip
"""The fields of each skill. A place may be "user", who speaks; forward and left are positive; "place" puts
down what is held, as do "place_next_to" and "place_on_top_of" an object; "ask": the command is unclear or
impossible."""
PACE: dict[str, Any] = {"pace": Literal[tuple(PACES)]}
HOW = {"pick": {"hand": Arm}} | dict.fromkeys(
    ("navigate", "place", "place_next_to", "place_on_top_of", "carry", "move", "sidestep"), PACE
)
"""Skill -> the field that says how, where the command does; without it as usual."""
AnyStep: Any = Union[tuple(  # noqa: UP007
    msgspec.defstruct(
        skill.title(), [*fields.items(), *((name, kind, "") for name, kind in HOW.get(skill, {}).items())],
        tag_field="skill", tag=skill, forbid_unknown_fields=True,
    )
    for skill, fields in FIELDS.items()
)]  # fmt: skip
WrittenStep = dict[str, Any]
"""A step as a model writes it, the skill among its fields."""


class LlmPlan(msgspec.Struct, forbid_unknown_fields=True):
    steps: list[AnyStep]


_plan = msgspec.json.Decoder(LlmPlan)
_object = json.JSONDecoder()


def object_names(lexicon: Lexicon) -> list[str]:
    """ "red cup" and, for any colour, "cup"."""
    kinds = dict.fromkeys(one.kind for one in lexicon.objects)
    return [*(str(one) for one in lexicon.objects), *kinds]


def _names(lexicon: Lexicon) -> dict[str, list[str]]:
    """What may stand in the fields that hold a name."""
    surfaces = list(lexicon.surface_place)
    places = [*lexicon.place_names, *surfaces, "user"]
    return {"place": places, "object": object_names(lexicon), "surface": surfaces}


def schema(lexicon: Lexicon) -> dict[str, Any]:
    """The JSON schema of `LlmPlan` with the world's names, in the subset that OpenAI's strict mode
    takes (https://platform.openai.com/docs/guides/structured-outputs): it knows no optional fields, so a step
    that may say how is two, without and with it."""
    out = msgspec.json.schema(LlmPlan)
    items = out["$defs"]["LlmPlan"]["properties"]["steps"]["items"]
    items.pop("discriminator", None)
    for skill, fields in HOW.items():
        with_it = out["$defs"][skill.title()]
        properties = with_it["properties"]
        plain = {name: one for name, one in properties.items() if name not in fields}
        out["$defs"][skill.title()] = with_it | {"properties": plain}
        for name in fields:
            properties[name].pop("default")
        out["$defs"][f"{skill.title()}How"] = with_it | {"required": list(properties)}
        items["anyOf"].append({"$ref": f"#/$defs/{skill.title()}How"})
    known = _names(lexicon)
    for kind in out["$defs"].values():
        for name, field in kind["properties"].items():
            if known.get(name):
                field["enum"] = known[name]
    return out


def read(text: str, lexicon: Lexicon, context: Context) -> list[Step]:
    """The intent's steps that a model's answer stands for.

    Raises `WrongAnswerError` naming the first mistake, `Unresolved` if the model or a limit asks back.
    """
    try:
        written = msgspec.to_builtins(_plan.decode(_plan_in(text)))["steps"]
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError) as error:
        raise WrongAnswerError(f"not a plan: {error}") from None
    if not 0 < len(written) <= MAX_MODEL_STEPS:
        raise WrongAnswerError(f"a plan has 1 to {MAX_MODEL_STEPS} steps, this one has {len(written)}")
    question = next((one["question"] for one in written if one["skill"] == "ask"), None)
    if question is not None:
        raise Unresolved(Problem(one_line(question, MAX_QUESTION) or "What should I do?", "words"))
    return _steps(written, lexicon, context)


def check_beginning(text: str, lexicon: Lexicon, context: Context) -> None:
    """Raises `WrongAnswerError` as soon as the beginning of a model's answer cannot become a plan any more:
    it is not JSON, or a complete step is wrong. So the rest need not be awaited."""
    from jiter import from_json  # for a model alone

    before, brace, after = text.partition("{")
    if not brace or before.strip("`json \n"):  # words around a plan: judged at their end
        return
    try:
        begun = from_json((brace + after).encode(), partial_mode=True)
    except ValueError as error:
        if _ends(brace + after):
            return
        raise WrongAnswerError(f"not a plan: {error}") from None
    if not isinstance(begun, dict) or not begun.keys() <= {"steps"}:
        raise WrongAnswerError('not a plan: it must be {"steps": [...]}')
    written = begun.get("steps", [])
    if not isinstance(written, list):
        raise WrongAnswerError("not a plan: its steps must be a list")
    complete = written[:-1]
    if len(complete) >= MAX_MODEL_STEPS:
        raise WrongAnswerError(f"a plan has 1 to {MAX_MODEL_STEPS} steps")
    try:
        msgspec.convert(complete, list[AnyStep])
    except msgspec.ValidationError as error:
        raise WrongAnswerError(f"not a plan: {error}") from None
    with contextlib.suppress(Unresolved):
        _steps([one for one in complete if one["skill"] != "ask"], lexicon, context)


def _ends(text: str) -> bool:
    """Whether text follows a complete object."""
    try:
        _object.raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _steps(written: list[WrittenStep], lexicon: Lexicon, context: Context) -> list[Step]:
    steps: list[Step] = []
    held, last = context.held, context.held or context.mentioned
    for number, one in enumerate(written, start=1):
        step = _step(number, one, lexicon, last)
        to_speaker = step.skill == "navigate" and step.place == "user"
        if to_speaker and all(before.skill in ON_THE_SPOT for before in steps):
            raise Unresolved(WHERE_ARE_YOU)
        if step.relation and held is None:  # as for a place, what is put there is taken first
            steps.append(Step(skill="pick", object=last))
        held = {"pick": step.object, "carry": last, "place": None}.get(step.skill, held)
        last = step.object or last
        steps.append(step)
    return steps


def _step(number: int, one: WrittenStep, lexicon: Lexicon, last: ObjectQuery | None) -> Step:
    if one["skill"] in ("place", "place_next_to", "place_on_top_of", "carry") and last is None:
        raise WrongAnswerError(f"step {number}: nothing was picked that could be put down or carried")
    for what, known in _names(lexicon).items():
        if what in one:
            one = one | {what: _known(number, what, one[what], known)}
    speed, arm = PACES.get(one.get("pace", "")), one.get("hand") or None
    match one:
        case {"skill": "find" | "pick" as skill, "object": name}:
            return Step(skill=skill, object=_query(name), arm=arm)
        case {"skill": "place_next_to", "object": name}:
            return Step(skill="place", relation="next to", object=_query(name), speed=speed)
        case {"skill": "place_on_top_of", "object": name}:
            return Step(skill="place", relation="on top of", object=_query(name), speed=speed)
        case {"skill": "navigate", "place": place}:
            return Step(skill="navigate", place=place, speed=speed)
        case {"skill": skill, "place": place} | {"skill": skill, "surface": place}:
            return Step(skill=skill, object=last, place=place, speed=speed)
        case {"skill": "move", "meters": meters}:
            step = Step(skill="move", distance=meters, speed=speed)
        case {"skill": "sidestep", "meters": meters}:
            step = Step(skill="move", lateral=meters, speed=speed)
        case {"skill": "turn", "degrees": degrees}:
            step = Step(skill="turn", angle=math.radians(degrees))
        case {"skill": "wait", "seconds": seconds}:
            step = Step(skill="wait", seconds=seconds)
        case _:
            step = Step(skill="stop")
    check_amounts(step)
    return step


def _query(name: str) -> ObjectQuery:
    colour, _, kind = name.rpartition(" ")
    return ObjectQuery(kind=kind, colour=colour)


def _known(number: int, what: str, name: str, known: list[str]) -> str:
    name = name.strip().lower()
    if name not in known:
        name = one_line(name, MAX_NAME)
        raise WrongAnswerError(f'step {number}: "{name}" is no {what}; allowed are {json.dumps(known)}')
    return name


def _plan_in(text: str) -> str:
    """The one JSON object with steps among what else a model writes: a fence, a greeting, an end token; else
    what seems to be meant for it. Raises `WrongAnswerError` if there is none, or two that differ."""
    plans: dict[str, str] = {}
    at = text.find("{")
    while at >= 0:
        try:
            value, end = _object.raw_decode(text, at)
            if "steps" in value:
                plans[repr(value)] = text[at:end]
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)
    if len(plans) > 1:
        raise WrongAnswerError("the answer has two plans that differ")
    if "{" not in text:
        raise WrongAnswerError(f'not a plan: no JSON in "{one_line(text, MAX_NAME)}"')
    return next(iter(plans.values()), text.strip())
