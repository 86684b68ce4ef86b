"""`vla-sim view`: a page in the browser, of a stack that runs or of a run that is over."""

import argparse
import functools
import os
import threading
from typing import Any

from vla_sim.cli import common
from vla_sim.cli.monitor import find_domain
from vla_sim.common.errors import InputError


def add(commands: Any) -> None:
    view = commands.add_parser("view", help="watch a running stack, or a recorded run, in the browser")
    view.add_argument("run", nargs="?", metavar="RUN", help="folder or file of a recorded run")
    common.add_flags(
        view, "robot", "world", "view-host", "view-port", "domain",
        world={"default": None, "help": "of the running stack; default: what its nodes say"},
        domain=common.HERE,
    )  # fmt: skip
    view.set_defaults(call=call)


def call(a: argparse.Namespace) -> int:
    console = common.console()
    if a.run is not None:
        if a.domain is not None or a.world is not None:
            raise InputError("view RUN shows a recorded run: leave out --domain and --world")
        return replay(a, console)
    return attach(a, console)


def attach(a: argparse.Namespace, console: Any) -> int:
    """To a running stack, as one more node."""
    domain, ours = find_domain(a.domain)
    world = a.world or _world_of(domain, ours)
    port = common.serve_at(a.view_host, a.view_port, console)
    from vla_sim.bringup.node_table import middleware
    from vla_sim.ros.spin import spin
    from vla_sim.view.node import ViewNode

    if ours:
        os.environ.update(middleware(domain))
    os.environ["ROS_DOMAIN_ID"] = str(domain)
    values = {"world": world, "view_host": a.view_host, "view_port": port}
    code = spin(functools.partial(ViewNode, f"view_{os.getpid()}", values))
    if not code:
        console.print("ended; the stack goes on")
    return code


def _world_of(domain: int, ours: bool) -> str:
    """Raises `StackError` where no node tells it."""
    from vla_sim.bringup.parameter_client import ParameterClient

    with ParameterClient(domain, own_middleware=ours) as client:
        return str(client.get("safety", "world"))


def replay(a: argparse.Namespace, console: Any) -> int:
    """Show a recording until Ctrl-C."""
    from vla_sim.view.door import Door, library

    for name in ("aiohttp", "viser"):
        library(name)
    from vla_sim.recording.reader import Recording
    from vla_sim.recording.world import world_of
    from vla_sim.view.player import Player
    from vla_sim.view.scene import Scene
    from vla_sim.view.server import Server

    recording = Recording(a.run)
    common.check_robot(recording)
    with world_of(recording) as world:
        scene = Scene(str(world.path))
        port = common.serve_at(a.view_host, a.view_port, console)
        player = Player(recording, world, lambda s: server.show(s), lambda *p: server.show_picture(*p), scene)
        server = Server(player, Door.of_environment(a.view_host), port)
        server.embed("127.0.0.1", scene.port)
        try:
            server.start()
            player.start()
            threading.Event().wait()
        except KeyboardInterrupt:  # the way to end it
            console.print("ended")
        finally:
            server.close()
            player.close()
            scene.close()
    return 0
