"""A recorded run, played to the stack or to some of its nodes again: do they decide the same?"""

import os
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import rclpy

from vla_sim.bringup import node_table, parameters
from vla_sim.bringup.node_table import NodeSpec, StackOptions
from vla_sim.bringup.supervisor import Stack
from vla_sim.common import clock
from vla_sim.common.errors import InputError, StackError, nearest
from vla_sim.contract import budgets, topics
from vla_sim.recording import about
from vla_sim.recording.decisions import Compared, compare, decisions
from vla_sim.recording.player import PlayerNode
from vla_sim.recording.reader import Recording
from vla_sim.recording.world import world_of
from vla_sim.ros import spin
from vla_sim.stages.language.params import LOCAL, SCRIPTED

NODES = tuple(spec.name for spec in node_table.STACK if spec.name not in ("engine", "monitor"))
"""That can be played to."""
CHECK_PERIOD = 0.5
"""[s] of the machine's clock between two looks at whether all nodes live."""


@dataclass(frozen=True)
class Replay:
    """compared: every decision of the replayed nodes. topics: on which they were looked for. shared: topics
    that others publish, too, by which nobody can tell who said what: they are played, and not compared.
    recording: of the replay."""

    compared: list[Compared]
    topics: tuple[str, ...]
    shared: frozenset[str]
    recording: Recording

    @property
    def same(self) -> bool:
        return all(one.same for one in self.compared)


def replay(
    recording: Recording, out: Path, *, nodes: Iterable[str] = (), settings: Iterable[str] = (),
    domain: int | None = None, echo: Callable[[str, str], None] = lambda name, text: None,
    went_on: Callable[[float], None] = lambda stamp: None,
) -> Replay:  # fmt: skip
    """Play a recording in lock-step. Leaves a recording of the replay, and logs, in `out`.

    nodes: names; none: all that the run had. settings: parameters as "node.name=value", other than the run's.
    went_on: called with each stamp [s]. Raises `InputError`, `StackError`.
    """
    if not recording.about.stack:
        raise InputError(
            f"{recording.path} does not say with which options its stack ran; record with vla-sim --record"
        )
    if (out / about.FILE).resolve() == recording.path.resolve():
        raise InputError(f"{out} holds the recording that is to be played; choose another folder with --out")
    with tempfile.TemporaryDirectory(prefix="vla_sim-") as folder, world_of(recording) as world:
        options = parameters.applied(_options(recording, Path(folder)), [], list(settings))
        options = replace(options, world=str(world.path))
        specs = _specs(options, tuple(nodes))
        options = about.recorded(options, out, command=recording.about.command)
        with Stack(
            options, out, domain=domain, specs=(*specs, node_table.RECORDER), echo=echo, guests=("engine",)
        ) as running:
            theirs, shared = _play(running, recording, options, went_on)
    again = Recording(out)
    ours, found = decisions(recording), decisions(again)
    told = tuple(name for name in ours if name in theirs)
    return Replay(compare(ours, found, told), told, shared & ours.keys(), again)


def _play(
    running: Stack, recording: Recording, options: StackOptions, went_on: Callable[[float], None]
) -> tuple[frozenset[str], frozenset[str]]:
    """The topics that the replayed nodes alone publish, and those that others published as well."""
    checked = time.monotonic()

    def alive() -> bool:
        running.check()
        return True

    def check(stamp: float) -> None:
        nonlocal checked
        if time.monotonic() - checked > CHECK_PERIOD:
            checked = time.monotonic()
            running.check()
            if "recorder" not in running.alive():
                raise StackError("the recorder of the replay has ended; its log says why")
        went_on(stamp)

    os.environ.update(node_table.middleware(running.domain.id))
    spin.start([])
    try:
        player = PlayerNode(recording, options.compute, budgets.costs_of(options.costs))
        published, others = player.meet(alive), publishers(recording)
        shared = frozenset(topic for topic in published if others.get(topic, set()) - set(running.names))
        player.play(published - shared, check)
        player.destroy_node()
    finally:
        rclpy.try_shutdown()
        clock.use(None)
    return published - shared, shared


def publishers(recording: Recording) -> dict[str, set[str]]:
    """The nodes that published a topic in a run, by topic, as they said in their diagnostics."""
    found: dict[str, set[str]] = {}
    for one in recording.read([topics.DIAGNOSTICS.name]):
        for status in recording.message(one).status:
            for value in status.values:
                what, _, topic = value.key.partition(" ")
                if what == "listeners":
                    found.setdefault(topic, set()).add(status.name)
    return found


def _options(recording: Recording, folder: Path) -> StackOptions:
    """Of the run, in lock-step, with scripted answers written into `folder`."""
    options, answers = recording.about.options(), recording.attachment(about.ANSWERS)
    server = options.base_url if options.base_url == LOCAL else ""  # no other is called on a file's word
    if options.base_url.startswith(SCRIPTED) and answers is not None:
        path = folder / about.ANSWERS
        path.write_bytes(answers)
        server = f"{SCRIPTED}{path}"
    options = replace(options, base_url=server)
    return replace(options, speed=0.0, real_world="", gui=False, mic=False, replacements={})


def _specs(options: StackOptions, chosen: tuple[str, ...]) -> tuple[NodeSpec, ...]:
    """Raises `InputError`."""
    for name in chosen:
        if name not in NODES:
            raise InputError(f"--node {name}: no such node is played to{nearest(name, NODES)}")
    found = node_table.nodes(options)
    return tuple(spec for spec in found if spec.name in (chosen or NODES))
