"""`vla-sim list`, `resources` and `warm`: what there is, and making it ready."""

import argparse
import time
from pathlib import Path
from typing import Any

from vla_sim.cli import common
from vla_sim.common.errors import InputError
from vla_sim.common.files import check_output, user_path, write_output


def add(commands: Any) -> None:
    ready = commands.add_parser("warm", help="start every node once, so that the kernels are compiled")
    ready.set_defaults(call=warm)

    listing = commands.add_parser(
        "list", help="show robots, worlds, places, objects, skills, scenarios, checks"
    )
    common.add_flags(listing, "robot")
    listing.add_argument("--world", help="of this world only")
    listing.add_argument(
        "--picture", metavar="FILE.png", help="with --world: also draw it, from above and as a map with names"
    )
    listing.set_defaults(call=show)

    machine = commands.add_parser("resources", help="what of this machine is reserved, by whom, what is free")
    common.add_flags(machine, "json")
    machine.add_argument("--release", metavar="ID", help="end a reservation; its holder goes on without it")
    machine.set_defaults(call=resources)


def warm(a: argparse.Namespace) -> int:
    import tempfile

    from vla_sim.scenario.run import warm_up
    from vla_sim.scenario.terminal import Display
    from vla_sim.simulation.sensors.software import SoftwareSensors
    from vla_sim.world.sdf import reader
    from vla_sim.world.semantic_map import ROBOT, World

    SoftwareSensors(reader.load_world(World.load("apartment").path), ROBOT)  # compiles its kernels
    with tempfile.TemporaryDirectory() as folder, Display(common.console()) as display:
        seconds = warm_up(Path(folder), display)
    print(f"every node was ready after {seconds:.0f} s")
    return 0


def show(a: argparse.Namespace) -> int:
    from rich.table import Table

    from vla_sim.common import assets
    from vla_sim.contract.records import STEP_FIELDS
    from vla_sim.robot import profile
    from vla_sim.scenario import load
    from vla_sim.scenario.checks import registry
    from vla_sim.scenario.format import fields
    from vla_sim.world.semantic_map import World

    console = common.console()
    if a.picture is not None:
        draw(a.world, a.picture)
    if not a.world:
        robots = Table("robot", "what it is", "hand", "policies")
        for name in assets.robot_names():
            one = profile.load(assets.find_robot(name))
            hand = "none" if one.hand == "none" else f"opens {200 * one.hand.stroke:.0f} cm"
            robots.add_row(name, one.about, hand, ", ".join(one.policy.networks))
        console.print(robots)
    names = [a.world] if a.world else assets.world_names()
    table = Table("world", "places", "surfaces", "objects", show_lines=True)
    for name in names:
        world = World.load(name)
        table.add_row(
            world.name,
            "\n".join(p.name for p in world.places),
            "\n".join(f"{s.name} (in {s.place}, {s.height:.2f} m high)" for s in world.surfaces),
            "\n".join(f"{o.colour} {o.kind}" for o in world.objects),
        )
    console.print(table)
    skills = Table("skill", "takes")
    for skill, takes in STEP_FIELDS.items():
        skills.add_row(skill, ", ".join(takes))
    console.print(skills)
    if a.world:
        return 0
    scenarios = Table("scenario", "what a pass proves")
    for path in load.shipped():
        file = load.load(path)
        scenarios.add_row(file.name, file.scenario.proves)
    console.print(scenarios)
    known = Table("check", "fields", "what must hold")
    for name, kind in sorted(registry.known().items()):
        words = [f"{word} (needed)" if needed else word for word, needed in fields(kind).values()]
        known.add_row(name, "\n".join(words), " ".join((kind.__doc__ or "").split()))
    console.print(known)
    return 0


def draw(name: str | None, file: str) -> None:
    """Raises `InputError`."""
    if not name:
        raise InputError("--picture: of which world? give --world NAME, too")
    if not file.lower().endswith(".png"):
        raise InputError(f"--picture {file}: give a file that ends in .png")
    path = user_path(file)
    check_output(path)
    from vla_sim.common.pictures import encoded
    from vla_sim.view.video.world_picture import world_picture
    from vla_sim.world.semantic_map import World

    common.check_gl()
    write_output(path, encoded(world_picture(World.load(name)), "PNG"))


def resources(a: argparse.Namespace) -> int:
    """Who has reserved what of this machine, and what is free."""
    from rich.text import Text

    from vla_sim.bringup.reservations import UNITS, ResourceReservationSystem, free

    reservations = ResourceReservationSystem()
    if a.release is not None:
        if a.release not in [r.id for r in reservations.held()]:
            raise InputError(f"--release {a.release}: no such reservation; vla-sim resources shows them all")
        reservations.release(a.release)
    machine, held = reservations.machine(), reservations.held()
    left = free(machine, held)
    console = common.console(a.json)
    for title, needs in (("may be reserved", machine.limit), ("unused", machine.unused), ("free", left)):
        console.print(f"{title + ':':17}{needs.text(list(UNITS))}", soft_wrap=True)
    now = time.monotonic()
    for r in held:
        ends = "with its process" if r.expires is None else f"in {(r.expires - now) / 60.0:.0f} min"
        line = f"{r.id}  {r}, for {(now - r.began) / 60.0:.0f} min, ends {ends}"
        console.print(Text(line), soft_wrap=True)
    if not held:
        console.print("nothing is reserved")
    common.write_json(a.json, [{"limit": machine.limit, "free": left, "reservations": held}])
    return 0
