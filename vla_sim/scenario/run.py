"""One scenario, once: start everything, play the script, judge, leave the record and its pictures."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
from PIL import Image

from vla_sim.bringup.node_table import StackOptions
from vla_sim.bringup.supervisor import Stack
from vla_sim.common.errors import StackError, VlaSimError
from vla_sim.common.profiling import node_profile
from vla_sim.monitor import health, journal, perfetto_trace
from vla_sim.recording import reader
from vla_sim.recording.about import recorded
from vla_sim.scenario.client import ClientThread
from vla_sim.scenario.preparation import Prepared, RunOptions, kept, prepare
from vla_sim.scenario.record import Clip, RunRecord, Shot
from vla_sim.scenario.recording import Picture, Recording
from vla_sim.scenario.report import profile_report, run_picture
from vla_sim.scenario.result import make_record, save_record
from vla_sim.scenario.session import Logbook, Session, wait_until_ready
from vla_sim.scenario.terminal import Display
from vla_sim.view.video import film
from vla_sim.view.video.outside import Outside
from vla_sim.world.semantic_map import World

MONITOR = "monitor"  # folder of the monitor's journal and reports, in the run's
FILM, FILM_PICTURES = "run.gif", 100
CLIP = "failure.webp"
PROFILE = "profile"  # folder of the nodes' profiles, in the run's


def run_once(
    options: RunOptions, display: Display | None = None, *, play: Callable[[Session], None] = Session.play
) -> RunRecord:
    """Play, judge, and write `record.json` and `run.png` into the folder; without a `display`, in silence.

    Raises `InputError` for what the scenario asks in vain, `StackError` if a node dies or does not become
    ready; every process is ended in any case.
    """
    display, log = display or Display(quiet=True), Logbook()
    if not options.stack.monitor_folder:
        there = str((options.folder / MONITOR).resolve())
        options = replace(options, stack=replace(options.stack, monitor_folder=there))
    prepared = prepare(options)
    stack = prepared.options.stack
    if options.record != "none" or options.gif:
        stack = recorded(stack, options.folder, command=options.again, scenario=options.file.name)
    profiles = options.folder / PROFILE

    def echo(name: str, text: str) -> None:
        if log.add(name, text) or options.verbose:
            display.event(None, f"[{name}] {text}", "dim")

    running = Stack(
        stack, options.folder, domain=options.domain, echo=echo, guests=("scenario",),
        variables=node_profile.environment(options.profile, profiles) if options.profile else None,
    )  # fmt: skip
    try:
        with running, ClientThread(running.domain.id) as client:
            session = Session(prepared, running, client, display, log)
            session.wait_until_ready()
            display.event(None, f"ready after {session.ready:.1f} s, ROS domain {running.domain.id}", "green")
            try:
                play(session)
            finally:
                session.faults.close()
            if not running.lockstep:
                time.sleep(0.1)  # the last records are still under way
    finally:  # also of a run that was interrupted
        if options.profile:
            _report_profiles(profiles, running.names, display)
    record = _write(prepared, make_record(session), session.recording, display)
    if any(spec.name == "monitor" for spec in running.specs):
        _report_monitor(options.folder / MONITOR, display)
    if options.gif:
        _film(options.folder, display)
    if not kept(options.record, record.passed):
        reader.remove(options.folder)
    return record


def warm_up(folder: Path, display: Display) -> float:
    """Start every node once, so that each compiles its kernels into the cache; the seconds it took."""
    log, running = Logbook(), Stack(StackOptions(), folder)
    with running, ClientThread(running.domain.id) as client:
        wait_until_ready(running, client, display)
    return time.monotonic() - log.steady


def _film(folder: Path, display: Display) -> None:
    """The whole run in a few seconds. It is no part of the verdict: what goes wrong is only printed."""
    try:
        recording = reader.Recording(folder)
        how = film.whole(recording, FILM_PICTURES, film.Film(size=(640, 360), fps=10))
        film.write(recording, folder / FILM, how)
    except VlaSimError as error:
        display.event(None, f"no {FILM}: {error}", "yellow")


def _report_monitor(folder: Path, display: Display) -> None:
    """Draw the monitor's journal. It is no part of the verdict: what goes wrong is printed, and no more."""
    try:
        entries = journal.read(journal.find(folder))
        perfetto_trace.write(entries, folder / perfetto_trace.FILE)
        health.write(entries, folder)
    except VlaSimError as error:
        display.event(None, f"no report of the monitor: {error}", "yellow")


def _report_profiles(folder: Path, nodes: tuple[str, ...], display: Display) -> None:
    """Draw the nodes' profiles, and show what took longest."""
    try:
        found = profile_report.write(folder)
    except OSError as error:
        display.event(None, f"the profiles cannot be written to {folder}: {error.strerror}", "yellow")
        return
    missing = ", ".join(name for name in nodes if name not in found)
    if missing:
        display.event(None, f"no profile of {missing}: it did not end by itself", "yellow")
    if found:
        display.event(None, profile_report.summary(found))
        display.event(None, f"profiles: {folder / profile_report.REPORT}")


def _write(prepared: Prepared, record: RunRecord, recording: Recording, display: Display) -> RunRecord:
    """Write `record.json`, `run.png`, `shots/` and, of a run that failed, `failure.webp` into its folder.

    Raises `StackError`.
    """
    folder = prepared.options.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if kept(prepared.options.pictures, record.passed):
            record = _with_pictures(prepared, record, recording, display)
        record = save_record(folder, record)
    except OSError as error:
        display.result(record)  # else it would be lost
        raise StackError(
            f"cannot write the run's record to {folder}: {error.strerror}; choose another with --out"
        ) from None
    return record


def _with_pictures(
    prepared: Prepared, record: RunRecord, recording: Recording, display: Display
) -> RunRecord:  # fmt: skip
    """The record with its pictures. They are no part of the verdict: what goes wrong is only printed."""
    try:
        world = World.load(str(prepared.simulated_world))
        with closing(Outside(world, run_picture.SIZE)) as outside:
            return _draw(prepared, record, recording, world, outside)
    except Exception as error:  # a broken GL raises many kinds, and only some simulators need one
        why = str(error) if isinstance(error, VlaSimError) else f"{type(error).__name__}: {error}"
        display.event(None, f"no pictures: {why}", "yellow")
        return record


def _draw(
    prepared: Prepared, record: RunRecord, recording: Recording, world: World, outside: Outside
) -> RunRecord:
    folder = prepared.options.folder
    views = run_picture.outside_views(recording, world, outside, [p.stamp for p in recording.pictures])
    run_picture.draw(recording, record, prepared.world, views).save(folder / "run.png")
    record = msgspec.structs.replace(record, shots=_shots(folder, recording, views))
    if not record.passed and record.error == "":
        at = run_picture.failure(recording, record)
        if run_picture.save_clip(recording, world, outside, at, folder / CLIP):
            begin = recording.truths[0].stamp
            record = msgspec.structs.replace(record, clip=Clip(stamp=at - begin, file=CLIP))
    return record


def _shots(folder: Path, recording: Recording, outside: list[Picture]) -> list[Shot]:
    (folder / "shots").mkdir(exist_ok=True)
    begin = recording.truths[0].stamp if recording.truths else 0.0  # of the first command
    views = {p.stamp: p for p in outside}
    shots = []
    for k, seen in enumerate(recording.pictures):
        names = [f"shots/{k:02d}.jpg", f"shots/{k:02d}-outside.jpg" if seen.stamp in views else ""]
        Image.fromarray(seen.color).save(folder / names[0], quality=85)
        if names[1]:
            Image.fromarray(views[seen.stamp].color).save(folder / names[1], quality=85)
        shots.append(Shot(stamp=seen.stamp - begin, title=seen.title, file=names[0], outside=names[1]))
    return shots
