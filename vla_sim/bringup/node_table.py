"""The one table of nodes: what runs, and with which parameters. Everything that starts nodes reads it.

The table is the parallel pipeline, and its nodes are the asynchronous processor. Where a design in one
process has pools of workers, here every stage is a process that hears of all others by DDS:

* *CPU-bound work* runs in processes: perception, navigation, manipulation, voice, control beside the engine.
  The scheduler is Linux's, and `NodeSpec.nice` says who goes first.
* *I/O-bound work* runs in threads: requests to the language model (as many under way as its settings allow),
  speech, the monitor's journal, DDS itself. Work that takes longer than the period of its node runs in a
  thread beside it too: images (`perception.node`), arm plans (`manipulation.node`), rendering
  (`simulation.sensor_publishers`).
* *Workers by stage*: perception has two (messages in one thread, images in the other), planning one for each
  request, control two (the safety gate's process and the engine's), monitoring one.
* *Shared context*: what the stages publish. Each stage keeps the latest of it, so that it is there before a
  command is. A command's intent is read at once, while perception's and safety's context comes in beside it
  (`language.gathered_context`); a silent perception is waited for until its time-out, then its last answer is
  used, and its age is in a warning and in the trace.
* *Priority queues* of high, normal and low commands: `executive.queue`.
* *Pipeline time* and that of each stage: /vla/trace, summed up by the monitor (`vla-sim top`, `vla-sim
  trace`).
"""

import importlib
import json
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from vla_sim.common import compute_threads
from vla_sim.common.assets import share_folder
from vla_sim.common.errors import InputError, nearest
from vla_sim.common.params import StageParams, check, named, param, same
from vla_sim.hardware.params import CAMERA
from vla_sim.simulation.params import SimulatorParams
from vla_sim.stages.language.params import SCRIPTED, LanguageParams
from vla_sim.stages.manipulation.params import ManipulationParams
from vla_sim.stages.perception.params import PerceptionParams
from vla_sim.stages.voice.params import VoiceParams


@dataclass(frozen=True)
class StackOptions:
    """What a user chooses for a whole run; each node gets those that are parameters of its own.

    overrides: other parameters, by node and name (`bringup.parameters`). replacements: command lines of
    programs that run in a node's place, by the node's name.
    """

    world: str = same(StageParams, "world")
    engine: str = same(SimulatorParams, "engine")
    sensors: str = same(SimulatorParams, "sensors")
    extrinsics: str = same(PerceptionParams, "extrinsics")
    gui: bool = same(SimulatorParams, "gui")
    seed: int = same(SimulatorParams, "seed")
    randomise_objects: float = same(SimulatorParams, "randomise_objects")
    randomise_start: float = same(SimulatorParams, "randomise_start")
    randomise_start_yaw: float = same(SimulatorParams, "randomise_start_yaw")
    speed: float = same(SimulatorParams, "speed")
    compute: str = same(SimulatorParams, "compute")
    costs: str = same(SimulatorParams, "costs")
    real_world: str = same(SimulatorParams, "real_world")
    planner: str = same(LanguageParams, "planner")
    base_url: str = same(LanguageParams, "base_url", default="")
    model: str = same(LanguageParams, "model", default="")
    recogniser: str = same(VoiceParams, "recogniser")
    whisper_model: str = same(VoiceParams, "whisper_model")
    speech_folder: str = same(VoiceParams, "speech_folder")
    policy: str = same(ManipulationParams, "policy")
    policy_mapping: str = same(ManipulationParams, "policy_mapping")
    policy_pickle: bool = same(ManipulationParams, "policy_pickle")
    mic: bool = param(False, "listen by this machine's microphone, at the clock's pace alone")
    monitor: bool = param(True, "watch latencies, rates and the machine; never in lock-step (speed 0)")
    monitor_folder: str = param(
        "", "where the monitor's journal is written; empty: nowhere", metavar="FOLDER"
    )
    prometheus_port: int = param(
        0, "of the monitor's metrics for Prometheus, on 127.0.0.1; 0: none", low=0, high=65535, metavar="PORT"
    )
    shedding: bool = param(True, "shed load while the machine is under pressure; never in lock-step")
    thresholds: str = param(
        "",
        'of alerts, instead of the contract\'s, or of metrics of your own: "system.cpu=90 mynode.delay=5"',
        metavar="WORDS",
    )
    view: bool = param(False, "watch it in a browser, at the clock's pace alone")
    view_host: str = param(
        "127.0.0.1", "address of the page; one that others reach needs the token that is printed",
        metavar="ADDRESS",
    )  # fmt: skip
    view_port: int = param(0, "of the page; 0: a free one", low=0, high=65535, metavar="PORT")
    recording: str = param("", "MCAP file of all that the nodes say; empty: none", metavar="FILE")
    about: str = param("", "what the recording is of, as JSON; empty: the world alone", metavar="JSON")
    without: str = param("", 'nodes to leave out, as "language"; start yours in their place', metavar="NODES")
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    replacements: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


OPTIONS = named(StackOptions)


@dataclass(frozen=True)
class NodeSpec:
    """A node: its module's `main`, the dataclass of its parameters (in `params.py` beside the module; empty:
    it takes none), and how it stands when the cores are busy (`nice`): control and safety go before
    everything else on the machine where the user may do that (`vla_sim.common.process_priority`), then what
    hears a "stop" and what brings it about.

    switch: the option that switches it. steady: it lives on the machine's clock, and does not run in
    lock-step. observer: it only watches; no run waits for it, and a run goes on when it has ended.

    command: of the user's own program that runs in its place. drivers: parameters that it has on a robot,
    where sensors are their own drivers'.
    """

    name: str
    module: str
    kind: str = ""
    nice: int = 0
    switch: str = ""
    steady: bool = False
    observer: bool = False
    command: tuple[str, ...] = ()
    drivers: Mapping[str, str] = field(default_factory=dict)

    @property
    def params(self) -> type[StageParams]:
        """The dataclass of its parameters."""
        package = self.module.rpartition(".")[0]
        found: type[StageParams] = getattr(importlib.import_module(f"{package}.params"), self.kind)
        return found

    @property
    def takes(self) -> tuple[str, ...]:
        """Options of the whole run that are parameters of this node."""
        return tuple(name for name in OPTIONS if self.kind and name in named(self.params))


STACK: tuple[NodeSpec, ...] = (
    NodeSpec("engine", "vla_sim.simulation.node", "SimulatorParams", nice=-10),
    NodeSpec("perception", "vla_sim.stages.perception.node", "PerceptionParams", drivers=CAMERA),
    NodeSpec("navigation", "vla_sim.stages.navigation.node", "NavigationParams", nice=-5),
    NodeSpec("manipulation", "vla_sim.stages.manipulation.node", "ManipulationParams", drivers=CAMERA),
    NodeSpec("voice", "vla_sim.stages.voice.node", "VoiceParams", nice=-5),
    NodeSpec("language", "vla_sim.stages.language.node", "LanguageParams"),
    NodeSpec("safety", "vla_sim.stages.safety.node", "SafetyParams", nice=-10),
    NodeSpec("executive", "vla_sim.stages.executive.node", "ExecutiveParams", nice=-5),
    NodeSpec(
        "monitor", "vla_sim.monitor.node", "MonitorParams", switch="monitor", steady=True, observer=True
    ),
)

ROBOT = NodeSpec("robot", "vla_sim.hardware.node", "RobotParams", nice=-10)
"""In the engine's place where the robot is none of a simulator's."""
LIDAR = NodeSpec("lidar", "vla_sim.hardware.lidar_node", "LidarParams")
"""Beside the robot: what a simulator does itself."""
MICROPHONE = NodeSpec(
    "microphone", "vla_sim.hardware.microphone_node", "MicrophoneParams", -5, "mic", steady=True
)
"""What is said to the robot, where it does not come from a scenario."""
VIEW = NodeSpec(
    "view", "vla_sim.view.node", "ViewParams", 0, "view", steady=True, observer=True,
    drivers={name: CAMERA[name] for name in ("color", "camera_info")},
)  # fmt: skip
"""The page in a browser."""
RECORDER = NodeSpec(
    "recorder", "vla_sim.recording.node", "RecorderParams", 5, "recording", observer=True, drivers=CAMERA,
)  # fmt: skip
"""Writes down what all others say, truth included."""
EVERY = (*STACK, ROBOT, LIDAR, MICROPHONE, VIEW, RECORDER)
BODIES = ("engine", "robot")
REPLACEABLE = tuple(node.name for node in EVERY if node.name != "engine")


def nodes(options: StackOptions | None = None, *, simulated: bool = True) -> tuple[NodeSpec, ...]:
    """The whole table, or what of it runs with these options; with the robot in the engine's place where it
    is not `simulated`. Raises `InputError` for what cannot be left out or replaced."""
    table = STACK if simulated else (ROBOT, LIDAR, *(node for node in STACK if node.name != "engine"))
    table = (*table, MICROPHONE, VIEW, RECORDER)
    if options is None:
        return table
    away, own = options.without.split(), options.replacements
    for name in (*away, *own):
        if name not in REPLACEABLE:
            raise InputError(f"no node {name!r} can be left out or replaced{nearest(name, REPLACEABLE)}")
    if own and options.speed == 0.0:
        raise InputError(
            f"{next(iter(own))} is a program of yours, which takes no turns in lock-step; give --speed 1"
        )
    return tuple(
        replace(node, command=own.get(node.name, ())) for node in table
        if node.name not in away
        and (not node.switch or getattr(options, node.switch))
        and not (node.steady and options.speed == 0.0)
    )  # fmt: skip


def replacement(word: str) -> tuple[str, tuple[str, ...]]:
    """A node and the command line that runs in its place, of "language=my_planner.py"; a Python file runs in
    this Python. Raises `InputError`."""
    name, _, text = word.partition("=")
    try:
        line = tuple(shlex.split(text))
    except ValueError as error:
        raise InputError(f"--replace {word}: {error}") from None
    if not line:
        raise InputError(f"--replace {word}: NODE=COMMAND is allowed, as in language=my_planner.py")
    return name, (sys.executable, *line) if line[0].endswith(".py") else line


def taken(nodes: tuple[NodeSpec, ...]) -> set[str]:
    """Names of the options that these nodes take, or that switch them."""
    return {name for node in nodes for name in (*node.takes, *filter(None, [node.switch]))}


def parameters(node: NodeSpec, options: StackOptions, *, simulated: bool = True) -> dict[str, object]:
    """The ROS parameters of one node."""
    check(options)
    # A program of the user's own knows none of ours but what every node has.
    takes = ("world",) if node.command else node.takes
    taken = {name: getattr(options, name) for name in takes}
    # What is left empty is the node's default, which may be another.
    given = {name: value for name, value in taken.items() if value != ""}
    if node.name == "voice" and options.mic:  # nobody who has said nothing waits for an answer
        given["silence_seconds"] = 0.0
    live_in_simulated_time = simulated and node.name not in BODIES and not node.steady
    # What records takes no part in them: a message that a fault keeps from others was sent all the same.
    faults = {"faults": True} if simulated and not node.command and node.name != RECORDER.name else {}
    drivers = node.drivers if not simulated and not node.command else {}
    own = {**drivers, **options.overrides.get(node.name, {})}
    return {"use_sim_time": live_in_simulated_time, **faults, **given, **own}


def arguments(node: NodeSpec, options: StackOptions, *, simulated: bool = True) -> list[str]:
    """The arguments of one node's `main`."""
    line = ["--ros-args", "-r", f"__node:={node.name}"]
    for name, value in parameters(node, options, simulated=simulated).items():
        # ROS reads a value as YAML, and JSON is YAML: a text in quotes stays the text that it is.
        line += ["-p", f"{name}:={json.dumps(value, ensure_ascii=False)}"]
    return line


def command(node: NodeSpec, options: StackOptions, *, simulated: bool = True) -> list[str]:
    """The command line that runs one node, ours in this Python."""
    program = node.command or (sys.executable, "-m", node.module)
    return [*program, *arguments(node, options, simulated=simulated)]


def scripted_llm(answers: Path) -> str:
    """The `base_url` of a server that answers from this file instead of a language model."""
    return f"{SCRIPTED}{answers}"


def title(name: str) -> str:
    """What `ps` calls a process that nodes are forked from or that is a node, and ROS the log of one."""
    return f"vla_sim-{name}"


def middleware(domain: int) -> dict[str, str]:
    """Environment of every participant, before rclpy starts: a domain of its own, this machine only."""
    return {
        "ROS_DOMAIN_ID": str(domain),
        # The profile alone decides: LOCALHOST would add a second, small shared-memory transport to it.
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "SYSTEM_DEFAULT",
        "RMW_IMPLEMENTATION": "rmw_fastrtps_cpp",
        "FASTRTPS_DEFAULT_PROFILES_FILE": str(share_folder("config") / "fastdds.xml"),
    }


def environment(domain: int) -> dict[str, str]:
    """Environment of every node of a run: `middleware`, and `own`."""
    return {**os.environ, **middleware(domain), **own()}


def own() -> dict[str, str]:
    """Environment of a node in any case, however it is started: one thread for each library."""
    return {"RCUTILS_COLORIZED_OUTPUT": "0", "PYTHONUNBUFFERED": "1", **compute_threads.environment()}
