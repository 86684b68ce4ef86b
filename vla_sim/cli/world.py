"""`vla-sim world`: make homes by their seeds."""

import argparse
from pathlib import Path
from typing import Any

from vla_sim.cli import common
from vla_sim.common.errors import InputError
from vla_sim.common.files import user_path


def add(commands: Any) -> None:
    make = commands.add_parser(
        "world",
        help="make a home by its seed, with a scenario beside it",
        description="Makes home_<seed>.sdf, and home_<seed>.yaml, a scenario in it: fetch a thing, carry it "
        "to another room, put it down. The robot's own planners have found a way to do it.",
    )
    which = make.add_mutually_exclusive_group()
    which.add_argument("--seed", type=common.count, default=0, metavar="N", help="of the home; default: 0")
    which.add_argument("--seeds", type=common.count, metavar="N", help="make the homes of seeds 0 to N-1")
    make.add_argument(
        "--unsolvable", action="store_true",
        help="what is asked for cannot be done there: a door is too narrow, or a thing is out of reach",
    )  # fmt: skip
    make.add_argument(
        "--people", type=common.count, default=0, metavar="N",
        help="who walk from room to room, and give way to walls, each other and the robot",
    )  # fmt: skip
    make.add_argument("--out", metavar="FOLDER", default=".", help="default: where you are")
    make.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    from vla_sim.homes import home

    if a.seeds == 0:
        raise InputError("--seeds 0: give at least 1")
    folder: Path = user_path(a.out)
    for seed in range(a.seeds) if a.seeds is not None else (a.seed,):
        print(home.make(seed, folder, unsolvable=a.unsolvable, people=a.people))
    return 0
