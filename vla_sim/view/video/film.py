"""A recorded run as a film."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from vla_sim.common.errors import InputError, package
from vla_sim.contract import topics
from vla_sim.recording import images
from vla_sim.recording.reader import Recording
from vla_sim.recording.world import world_of
from vla_sim.view.state import ViewState
from vla_sim.view.video.frame import Painter, View
from vla_sim.world.map_file import is_map

PICTURE = topics.COLOR.name + images.SUFFIX
SHOWN = (
    topics.GROUND_TRUTH, topics.GLOBAL_PATH, topics.NAVIGATION_STATUS, topics.COMMAND, topics.TRANSCRIPT,
    topics.PLAN, topics.VERDICT, topics.STATUS, topics.SAY, topics.SAFETY_STATE,
)  # fmt: skip
BELIEVED = (topics.ODOM, topics.MAP_TO_ODOM)
"""Where the robot believes to be, for a run without the simulator's truth."""
Watch = Callable[[Iterator[Image.Image], int], Iterable[Image.Image]]
KINDS = (".mp4", ".gif", ".webp")
BEFORE = 1.0
"""[s] before the first command, with which a film begins."""
COLOURS = 128
"""Of a GIF's frame."""
TICKS = {".gif": 100, ".webp": 1000}
"""A second, in the steps in which these formats say how long a picture stands."""
WEBP_QUALITY = 60
MP4 = "MP4 needs imageio-ffmpeg: pip install 'vla_sim[video]', or make a GIF: -o run.gif"


@dataclass(frozen=True)
class Film:
    """How a film is made. start, end: seconds since the run's first command; None: a second before that, and
    the end of the recording. size: (width, height) [px], both even. fps: pictures a second of film, or
    the nearest that the format can say. speed: times as fast as it was."""

    start: float | None = None
    end: float | None = None
    size: tuple[int, int] = (1280, 720)
    view: View = "follow"
    fps: float = 25
    speed: float = 1.0


def write(
    recording: Recording, path: Path, how: Film, watch: Watch = lambda pictures, count: pictures
) -> float:
    """Make a film; returns how long it is [s]. path: ends in one of `KINDS`. watch: takes the pictures and
    how many there will be, and hands them on. Raises `InputError`, `MissingError`."""
    check(path)
    if ticks := TICKS.get(path.suffix.lower()):  # else it would not be as long as what it shows
        how = replace(how, fps=ticks / round(ticks / how.fps))
    zero, due = stamps(recording, how)
    if topics.GROUND_TRUTH.name not in recording.types and how.view != "head":
        raise InputError(
            f"{recording.path} has no poses from a simulator, so nothing can be drawn from outside; its head "
            "camera can: --camera head"
        )
    with (
        world_of(recording, simulated=True) as world,
        # A map, as of a robot, cannot be simulated.
        Painter(None if is_map(world.path) else world, how.size, how.view) as painter,
    ):
        save(watch(frames(recording, painter, zero, due), len(due)), path, how.fps)
    return len(due) / how.fps


def whole(recording: Recording, count: int, how: Film) -> Film:
    """All of a run in at most so many pictures: `how`, as much faster as that takes."""
    seconds = recording.end - begin(recording) + BEFORE
    return replace(how, speed=max(1.0, seconds * how.fps / count))


def begin(recording: Recording) -> float:
    """The stamp of a run's first command, spoken or typed, from which on its record counts seconds; of the
    recording if there was none."""
    first = next(recording.read((topics.AUDIO.name, topics.COMMAND.name)), None)
    return recording.start if first is None else first.stamp


def stamps(recording: Recording, how: Film) -> tuple[float, list[float]]:
    """The first command's stamp, and that of each picture. Raises `InputError` for a time outside the run."""
    zero = begin(recording)
    first, last = recording.start - zero, recording.end - zero
    start = max(-BEFORE if how.start is None else how.start, first)
    end = last if how.end is None else min(how.end, last)
    if not start < end:
        raise InputError(
            f"nothing is between {start:g} s and {end:g} s: the recording goes from {first:.1f} s to "
            f"{last:.1f} s, counted from the first command"
        )
    count = max(1, int((end - start) / how.speed * how.fps))
    return zero, [zero + start + i * how.speed / how.fps for i in range(count)]


def frames(
    recording: Recording, painter: Painter, zero: float, due: Iterable[float]
) -> Iterator[Image.Image]:
    """A picture of each stamp that is due. zero: the stamp from which on the film's clock counts."""
    shown = [topic.name for topic in SHOWN] + [PICTURE]
    if topics.GROUND_TRUTH.name not in recording.types:
        shown += [topic.name for topic in BELIEVED]
    state, source = ViewState(), recording.read(shown)
    ahead = next(source, None)
    for stamp in due:
        while ahead is not None and ahead.stamp <= stamp:
            with suppress(InputError):  # one that cannot be read is as one that did not come
                state.take(ahead.topic, recording.content(ahead), ahead.stamp)
                painter.moved(state)
            ahead = next(source, None)
        yield painter.frame(state, stamp - zero)


def check(path: Path) -> None:
    """Whether `save` can write such a file. Raises `InputError`, `MissingError`."""
    if path.suffix.lower() not in KINDS:
        raise InputError(f"{path}: a film ends in {', '.join(KINDS)}")
    if path.suffix.lower() == ".mp4":
        package("imageio_ffmpeg", MP4)


def save(pictures: Iterable[Image.Image], path: Path, fps: float) -> None:
    """Pictures of one size as a film, which repeats if it is no MP4. The file is whole or not there. Raises
    `InputError` if it cannot be written, `MissingError` for MP4 without a codec."""
    check(path)
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix.lower()}")
    try:
        (_mp4 if part.suffix == ".mp4" else _pillow)(iter(pictures), part, fps)
        os.replace(part, path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)


def _mp4(pictures: Iterator[Image.Image], path: Path, fps: float) -> None:
    ffmpeg = package("imageio_ffmpeg", MP4)
    first = next(pictures)
    writer = ffmpeg.write_frames(
        str(path), first.size, fps=fps, codec="libx264", macro_block_size=2, ffmpeg_log_level="error",
        quality=None, output_params=["-crf", "23"],
    )  # fmt: skip
    writer.send(None)
    for picture in itertools.chain([first], pictures):
        writer.send(np.asarray(picture).tobytes())
    writer.close()


def _pillow(pictures: Iterator[Image.Image], path: Path, fps: float) -> None:
    if path.suffix == ".gif":
        # An octree keeps the colours of small things; Pillow's usual median cut turns a red cup brown.
        pictures = (one.quantize(COLOURS, Image.Quantize.FASTOCTREE) for one in pictures)
    first, period = next(pictures), round(1000 / fps)
    # A GIF has no quality, and does not mind.
    first.save(
        path, save_all=True, append_images=pictures, duration=period, loop=0, quality=WEBP_QUALITY
    )  # fmt: skip
