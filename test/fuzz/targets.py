"""Every parser of what comes from outside, as a function of bytes that may raise nothing."""

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from vla_sim.bringup import parameters
from vla_sim.common import assets, yaml_records
from vla_sim.common.errors import InputError
from vla_sim.contract import records
from vla_sim.contract.codec import PayloadError, decode, encode
from vla_sim.contract.records import Record
from vla_sim.monitor.alert_rule import thresholds
from vla_sim.scenario import load
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.llm import plan_format
from vla_sim.stages.language.llm.errors import WrongAnswerError
from vla_sim.stages.language.rule_planner import RulePlanner, Understood
from vla_sim.stages.language.understanding.reference_resolver import Unresolved
from vla_sim.stages.safety.plan_check import PlanChecker
from vla_sim.stages.safety.stop_detection import is_stop, may_be_stop
from vla_sim.stages.voice import audio
from vla_sim.world.sdf import reader
from vla_sim.world.semantic_map import World

HOME = World.load("tabletop")
RULES = RulePlanner(HOME)
CHECKER = PlanChecker(HOME)
KINDS = {
    name.encode(): kind
    for name, kind in vars(records).items()
    if isinstance(kind, type) and issubclass(kind, Record) and kind is not Record
}
_FOLDER = Path(tempfile.mkdtemp(prefix="vla_sim-fuzz-"))


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def one_line(error: Exception) -> None:
    """What a user is told is one line, and says something."""
    told = str(error)
    assert told.strip(), repr(error)
    assert "\n" not in told, repr(told)


def any_yaml(data: bytes) -> None:
    yaml_records.parse(text_of(data), "f.yaml", "a mapping belongs here", dict)


def scenario(data: bytes) -> None:
    load.loads(text_of(data), "f.yaml")


def sdf(data: bytes) -> None:
    reader.loads(data, Path(assets.share_folder("worlds")) / "fuzz.sdf")


def sound(data: bytes) -> None:
    path = _FOLDER / f"{os.getpid()}.wav"
    path.write_bytes(data)
    audio.load(path)


def record(data: bytes) -> None:
    """The first line names the type; what is read can be written and read again."""
    name, _, payload = data.partition(b"\n")
    kind = KINDS.get(name, records.Plan)
    with contextlib.suppress(PayloadError):
        found = decode(kind, payload)
        assert decode(kind, encode(found)) == found


def answer(data: bytes) -> None:
    """A model's answer, its beginning, and safety's look at the plan that it makes."""
    text = data.decode(errors="surrogateescape")  # "\\ud800" in a server's JSON is half a character
    with contextlib.suppress(WrongAnswerError, Unresolved):
        plan_format.check_beginning(text, RULES.lexicon, Context())
    with contextlib.suppress(WrongAnswerError, Unresolved):
        intent = plan_format.read(text, RULES.lexicon, Context())
        found = RULES.finish(Understood(intent=tuple(intent)), Context())
        CHECKER.check(records.Plan(command_id="1", text="", steps=list(found.steps), planner="llm"))


def words(data: bytes) -> None:
    """What a user says or types."""
    text = text_of(data)
    is_stop(text)
    may_be_stop(text)
    RULES.plan(text, Context())


def options(data: bytes) -> None:
    """A parameter, and thresholds, of the command line."""
    for parse in (parameters.of_word, thresholds):
        with contextlib.suppress(InputError):
            parse(text_of(data))


TARGETS: dict[str, Callable[[bytes], None]] = {
    "answer": answer, "options": options, "record": record, "scenario": scenario, "sdf": sdf,
    "sound": sound, "words": words, "yaml": any_yaml,
}  # fmt: skip


def check(name: str, data: bytes) -> None:
    """Give a target some bytes: they are taken, or refused by one line."""
    try:
        TARGETS[name](data)
    except InputError as error:
        one_line(error)
