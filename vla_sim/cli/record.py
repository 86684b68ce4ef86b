"""`vla-sim record`: recorded runs as demonstrations to learn from."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from vla_sim.cli import common
from vla_sim.contract.records import SKILLS

if TYPE_CHECKING:
    from vla_sim.demonstrations.episode import Episode


def add(commands: Any) -> None:
    record = commands.add_parser(
        "record", help="make demonstrations in LeRobot's format of recorded runs",
        description="Of runs that were played with --record, a LeRobotDataset 3.0: the head camera's film, "
        "joints, actions, words and skills, frame by frame. Episodes that failed are marked.",
    )  # fmt: skip
    record.add_argument(
        "runs", nargs="+", metavar="RUN", help="folder of a recorded run, or of a sweep: all runs in it"
    )
    record.add_argument("--skill", choices=SKILLS, help="from the first frame of this skill to its last")
    common.add_flags(
        record, "robot", "out", out={"help": "the dataset's folder; default: runs/dataset-<date>-<time>"}
    )
    record.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    from vla_sim.demonstrations import episode, lerobot

    console = common.console()
    runs = episode.find(a.runs)
    folder = common.folder(a.out, "dataset-")

    def left_out(why: str) -> None:
        console.print(f"left out: {why}", style="yellow", soft_wrap=True)

    def told() -> Iterator[Episode]:
        for one in episode.episodes(runs, a.skill or "", left_out):
            mark = "success" if one.success else "failure"
            console.print(f'{mark}  {len(one)} frames  "{one.task}"  {one.record.folder}', soft_wrap=True)
            yield one

    count, good, frames = lerobot.write(told(), folder)
    megabytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    console.print(
        f"{count} episodes, {good} of them successful, {frames} frames, {megabytes:.1f} MB: {folder}",
        soft_wrap=True,
    )
    return 0
