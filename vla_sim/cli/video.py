"""`vla-sim video`: a recorded run as a film."""

import argparse
import re
from typing import Any

from vla_sim.cli import common
from vla_sim.common.errors import InputError
from vla_sim.common.files import check_output, user_path

FPS = {".mp4": 25, ".gif": 10, ".webp": 10}
SIZES = {".mp4": (1280, 720), ".gif": (640, 360), ".webp": (640, 360)}
MOST_FPS = 50
VIEWS = ("follow", "top", "head")  # as `view.video.frame.View` has them, which takes seconds to import
_speed = common.number("a factor from 0.05 to 100", lambda value: 0.05 <= value <= 100.0)
_seconds = common.number("a number of seconds", lambda value: True)


def add(commands: Any) -> None:
    video = commands.add_parser("video", help="make a film of a recorded run: MP4, GIF or WebP")
    video.add_argument(
        "run", metavar="RUN", help="folder of a run that was made with --record, or its run.mcap"
    )
    video.add_argument("-o", "--out", metavar="FILE", help="default: run.mp4 beside the recording")
    video.add_argument(
        "--from", dest="start", type=_seconds, metavar="S", help="seconds since the first command"
    )
    video.add_argument("--to", dest="end", type=_seconds, metavar="S", help="likewise")
    video.add_argument("--fps", type=common.count, metavar="N", help="default: 25; of a GIF or WebP 10")
    video.add_argument("--speed", type=_speed, default=1.0, metavar="FACTOR", help="times as fast as it was")
    video.add_argument("--size", metavar="WxH", help="default: 1280x720; of a GIF or WebP 640x360")
    video.add_argument(
        "--camera", choices=VIEWS, default="follow",
        help="the large picture: goes with the robot (default), the world from above, what the robot sees",
    )  # fmt: skip
    common.add_flags(video, "robot")
    video.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    from rich.progress import track

    from vla_sim.recording.reader import Recording
    from vla_sim.view.video import film

    common.check_gl()
    recording = Recording(a.run)
    out = user_path(a.out) if a.out else recording.path.with_suffix(".mp4")
    film.check(out)
    how = film_of(a, out.suffix.lower())
    common.check_robot(recording)
    check_output(out)
    console = common.console()

    def shown(pictures: Any, count: int) -> Any:
        return track(pictures, "drawing", count, console=console, transient=True)

    seconds = film.write(recording, out, how, shown)
    console.print(f"{out}: {seconds:.1f} s, {out.stat().st_size / 1e6:.1f} MB", soft_wrap=True)
    return 0


def film_of(a: argparse.Namespace, kind: str) -> Any:
    """What the arguments say of the film. kind: ".mp4" or another. Raises `InputError`."""
    from vla_sim.view.video.film import Film

    fps = a.fps if a.fps is not None else FPS[kind]
    if not 1 <= fps <= MOST_FPS:
        raise InputError(f"--fps {fps}: from 1 to {MOST_FPS} is allowed")
    size = picture_size(a.size) if a.size else SIZES[kind]
    return Film(start=a.start, end=a.end, size=size, view=a.camera, fps=fps, speed=a.speed)


def picture_size(text: str) -> tuple[int, int]:
    """(width, height) [px]. Raises `InputError`."""
    from vla_sim.view.video.frame import LARGEST, SMALLEST

    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if not (SMALLEST[0] <= width <= LARGEST[0] and SMALLEST[1] <= height <= LARGEST[1]):
        least, most = (f"{w}x{h}" for w, h in (SMALLEST, LARGEST))
        raise InputError(f"--size {text}: width x height from {least} to {most} is allowed, as 1280x720")
    if width % 2 or height % 2:
        raise InputError(f"--size {text}: width and height must be even")
    return width, height
