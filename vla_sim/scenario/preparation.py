"""What is made ready before any node of a run starts, so that wrong input is reported at once:
the world with its changes, and the sounds of the script."""

import contextlib
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from vla_sim.bringup.node_table import StackOptions, scripted_llm
from vla_sim.common import assets
from vla_sim.common.errors import InputError
from vla_sim.common.files import user_path, write_output
from vla_sim.common.yaml_records import fail, read
from vla_sim.scenario import targets
from vla_sim.scenario.format import Action, Play, Say, Scenario
from vla_sim.scenario.load import File
from vla_sim.stages.voice import audio
from vla_sim.stages.voice.simulated_microphone import in_room
from vla_sim.stages.voice.synthesis import Espeak, Hibari
from vla_sim.world import world_file
from vla_sim.world.derived_world import Worlds, derive
from vla_sim.world.semantic_map import World

Kept = Literal["none", "failures", "all"]
"""Of which runs something is kept."""


def kept(which: Kept, passed: bool) -> bool:
    """Whether of a run that passed, or did not."""
    return which == "all" or (which == "failures" and not passed)


@dataclass(frozen=True)
class RunOptions:
    """file: the scenario. stack: engine, seed, speed (0: lock-step), recogniser and so on. again: the command
    that plays this run again. profile: the tool by which every node is profiled; "": none. gif: a film of the
    run, too. reserved: what of the machine is reserved for it, in words; "": nothing. record: whether it is
    recorded. pictures: whether its map and moments are drawn."""

    file: File
    stack: StackOptions = field(default_factory=StackOptions)
    folder: Path = Path("runs/run")
    domain: int | None = None
    verbose: bool = False
    pictures: Kept = "all"
    attempt: int = 1
    again: str = ""
    profile: str = ""
    gif: bool = False
    reserved: str = ""
    record: Kept = "none"


@dataclass(frozen=True)
class Prepared:
    """options: their stack with what the scenario says in it. world: as the robot's map knows it. sounds:
    samples (n,) of each action that is heard, by its place in the script."""

    options: RunOptions
    world: World
    sounds: dict[int, np.ndarray]

    @property
    def simulated_world(self) -> Path:
        """The SDF file that the simulator loads. Raises `InputError`."""
        stack = self.options.stack
        return assets.find_world(stack.real_world or stack.world)


def check(file: File) -> None:
    """Raises `InputError` for a world that cannot be loaded, or a name that is not in it."""
    with tempfile.TemporaryDirectory(prefix="vla_sim-") as folder:
        _in_its_world(RunOptions(file, folder=Path(folder)))


def prepare(options: RunOptions) -> Prepared:
    """Raises `InputError` for what the scenario asks in vain."""
    options, world = _in_its_world(options)
    return Prepared(options, world, sounds(options.file, options.stack.seed))


def _in_its_world(options: RunOptions) -> tuple[RunOptions, World]:
    if options.file.scenario.script:
        with _told(options.file, "$.world"):
            assets.find_world(options.file.scenario.world)
        stack = stack_options(options.file.scenario, options.stack, options.folder)
        options = replace(options, stack=stack)
    world = World.load(options.stack.world)
    _check_names(options, world)
    return options, world


def _check_names(options: RunOptions, world: World) -> None:
    """Whether all that the scenario names is in its world: else a misspelt word would be a failed run."""
    scenario = options.file.scenario

    @cache
    def models() -> dict[str, bool]:
        """Read again, which takes 0.1 s, where a name is of none of the things that the robot knows."""
        simulated = world_file.load(assets.find_world(options.stack.real_world or options.stack.world))
        return {model.name: not model.static for model in simulated.models}

    there = tuple(one for one in world.objects if one.name not in scenario.remove)
    for where in ("script", "faults", "expect"):
        for i, part in enumerate(getattr(scenario, where)):
            for named in part.names():
                with _told(options.file, f"$.{where}[{i}]"):
                    # Of a kind there need be none: the robot looks for it.
                    known = replace(world, objects=there) if named[0] == "object" else world
                    targets.check(known, models, named)


@contextlib.contextmanager
def _told(file: File, part: str) -> Iterator[None]:
    """An `InputError` in here names line and column of this part of the scenario's file, if there is one."""
    try:
        yield
    except InputError as error:
        if file.path.is_file():
            fail(read(file.path), str(file.path), part, str(error))
        raise


def changed_world(scenario: Scenario, folder: Path) -> Worlds:
    """The scenario's world with its changes, in `folder`."""
    s = scenario.start
    return derive(
        scenario.world, folder, add=scenario.add, remove=scenario.remove, light=scenario.light,
        start=None if s is None else (s.x, s.y, s.yaw),
    )  # fmt: skip


def stack_options(scenario: Scenario, stack: StackOptions, folder: Path) -> StackOptions:
    """`stack` with the scenario's world, displacements, costs, pace and language model in it."""
    base_url = stack.base_url
    if scenario.scripted_llm and not base_url:
        answers = (folder / ANSWERS).resolve()
        write_output(answers, msgspec.json.encode(scenario.scripted_llm))
        base_url = scripted_llm(answers)
    worlds = changed_world(scenario, folder)
    r = scenario.randomise
    costs = [
        *(f"{name}={ms:g}" for name, ms in scenario.costs.items()),
        *stack.costs.split(),
    ]  # the last holds
    return replace(
        stack, world=worlds.known, real_world="" if worlds.real == worlds.known else worlds.real,
        randomise_objects=r.objects, randomise_start=r.start,
        randomise_start_yaw=math.radians(r.start_yaw),
        compute=scenario.compute, costs=" ".join(costs), speed=stack.speed or float(scenario.pace == "clock"),
        planner=scenario.planner if stack.planner == "rules" else stack.planner, base_url=base_url,
        policy=stack.policy or scenario.policy,
    )  # fmt: skip


ANSWERS = "scripted_llm.json"  # in the run's folder
WORDS_PER_MINUTE = 160  # of espeak at speed 1


def sounds(file: File, seed: int) -> dict[int, np.ndarray]:
    """Samples (n,) int16 of each action that is heard, by its place in the script. Raises `InputError`."""
    heard = {k: sound(action, seed, file.path.parent) for k, action in enumerate(file.scenario.script)}
    return {k: samples for k, samples in heard.items() if samples is not None}


def sound(action: Action, seed: int, folder: Path) -> np.ndarray | None:
    """Samples (n,) int16 of an action that is heard, None of any other. folder: where recordings are looked
    for. Raises `InputError`."""
    if isinstance(action, Say):
        rate = min(450, max(80, round(WORDS_PER_MINUTE * action.speed)))
        ours = action.voice == "hibari"
        voice = (
            Hibari(speed=action.speed, seed=seed) if ours else Espeak(action.voice.partition(":")[2], rate)
        )
        return in_room(voice.speak(action.words), seed, noise_db=action.noise)
    if isinstance(action, Play):
        return in_room(audio.load(folder / user_path(action.file)), seed)
    return None
