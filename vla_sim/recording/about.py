"""What a recorded run was: the file's metadata, and what else it takes to play it again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
from msgspec import field

import vla_sim
from vla_sim.bringup.node_table import OPTIONS, StackOptions
from vla_sim.common import assets
from vla_sim.common.errors import InputError
from vla_sim.contract.records import Record
from vla_sim.stages.language.params import SCRIPTED

METADATA = "vla_sim"
"""Name of the file's metadata."""
FILE = "run.mcap"
"""In a run's folder."""
KNOWN, REAL, ANSWERS = "known_world.sdf", "real_world.sdf", "scripted_llm.json"
"""Names of the file's attachments: the world that the robot knows, the one that was simulated, and what
stood for a language model."""

NOT_TAKEN = ("api_key_env", "base_url", "body", "detector", "speech_folder")
"""Parameters of single nodes that are not taken from a recording; nor is any that is a server's address."""


class About(Record, frozen=True, kw_only=True):
    """world, robot: names, or paths where they were. speed: 0: in lock-step; of a robot, 1. command: what
    plays the run again. scenario: its name. began: UTC, ISO 8601. stack: the options of the whole run."""

    version: str = vla_sim.__version__
    world: str = ""
    robot: str = ""
    engine: str = ""
    seed: int = 0
    speed: float = 1.0
    command: str = ""
    scenario: str = ""
    began: str = ""
    stack: dict[str, Any] = field(default_factory=dict)

    def strings(self) -> dict[str, str]:
        """As MCAP keeps metadata."""
        found = msgspec.to_builtins(self)
        return {name: one if isinstance(one, str) else _json(one) for name, one in found.items()}

    @classmethod
    def of_strings(cls, strings: dict[str, str]) -> About:
        """Raises `InputError`."""
        try:
            values: dict[str, Any] = {
                name: value if isinstance(getattr(cls(), name), str) else msgspec.json.decode(value)
                for name, value in strings.items()
                if name in cls.__struct_fields__
            }
            return msgspec.convert(values, cls)
        except msgspec.MsgspecError as error:
            raise InputError(f"what the recording says of its run cannot be read: {error}") from None

    def options(self) -> StackOptions:
        """Of the stack, as far as this version knows them, without what would load code, call a server, start
        a program or write anywhere: the file may be a stranger's. Raises `InputError`."""
        known = {name: value for name, value in self.stack.items() if name in OPTIONS}
        try:
            given = msgspec.convert(self.stack.get("overrides", {}), dict[str, dict[str, Any]])
            overrides = {node: _taken(own) for node, own in given.items()}
            return msgspec.convert({**_taken(known, "base_url"), "overrides": overrides}, StackOptions)
        except msgspec.ValidationError as error:
            raise InputError(f"the recorded options of the stack cannot be read: {error}") from None


def _taken(values: dict[str, Any], besides: str = "") -> dict[str, Any]:
    """Those that may be taken from a recording, and one besides unless it is an address."""
    return {
        name: value for name, value in values.items()
        if "://" not in "".join(str(value).split()) and (name not in NOT_TAKEN or name == besides)
    }  # fmt: skip


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def about(options: StackOptions, *, command: str = "", scenario: str = "", robot: bool = False) -> About:
    """Of a run that begins now. robot: whether it is one, not a simulator's."""
    stack = msgspec.to_builtins(replace(options, about="", recording=""))
    return About(
        world=options.world, robot=os.environ.get(assets.ROBOT) or assets.DEFAULT_ROBOT,
        engine="" if robot else options.engine, seed=options.seed, speed=options.speed, command=command,
        scenario=scenario, began=datetime.now(timezone.utc).isoformat(timespec="seconds"), stack=stack,
    )  # fmt: skip


def attachments(world: str, real_world: str, base_url: str) -> Iterator[tuple[str, bytes]]:
    """(name, data) of the files that a run was made of, as far as they can be read."""
    files = {KNOWN: assets.find_world(world)}
    if real_world:
        files[REAL] = assets.find_world(real_world)
    if base_url.startswith(SCRIPTED):
        files[ANSWERS] = Path(base_url.removeprefix(SCRIPTED))
    for name, path in files.items():
        if path.suffix == Path(name).suffix and path.is_file():
            yield name, path.read_bytes()


def recorded(options: StackOptions, folder: Path, **how: Any) -> StackOptions:
    """`options` with a recording in this folder. how: as `about` takes it."""
    said = msgspec.json.encode(about(options, **how)).decode()
    return replace(options, recording=str((folder / FILE).resolve()), about=said)
