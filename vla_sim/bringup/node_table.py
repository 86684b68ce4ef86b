"""The one table of nodes: what runs, and with which parameters. Everything that starts nodes reads it.

The table is the parallel pipeline, and its nodes are the asynchronous processor. Where a design in one
process has pools of workers, here every stage is a process that hears of all others by DDS:

* *CPU-bound work* runs in processes: perception, navigation, manipulation, voice, control beside the engine.
  The scheduler is Linux's, and `NodeSpec.nice` says who goes first.
* *I/O-bound work* runs in threads: requests to the language model (as many under way as its settings allow),
  speech, the monitor's journal, DDS itself. Work that takes longer than the period of its node runs in a
  thread beside it too: images (`perception.node`), arm plans (`manipulation.node`), rendering
  (`engines.camera_thread`).
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

import os
import sys
from dataclasses import dataclass

from vla_sim.common import compute_threads
from vla_sim.common.assets import share_folder
from vla_sim.common.params import check, param


@dataclass(frozen=True)
class StackOptions:
    """What a user chooses for a whole run; each node gets those that it declares in the table."""

    world: str = param("apartment", "name of a shipped world, or path of an SDF file")
    engine: str = param("mujoco", "mujoco, gazebo or kinematic")
    sensors: str = param("auto", "auto, native or software: who makes scans and images")
    gui: bool = param(False, "the simulator's own window; gazebo only")
    seed: int = param(0, "of object and start displacement and sensor noise", low=0)
    randomise_objects: float = param(0.0, "largest displacement of objects [m]", low=0.0, high=0.5)
    randomise_start: float = param(0.0, "largest displacement of the start [m]", low=0.0, high=2.0)
    randomise_start_yaw: float = param(0.0, "[rad]", low=0.0, high=3.2)
    speed: float = param(1.0, "simulated seconds a second; 0 is as fast as possible", low=0.0)
    compute: str = param("fixed", "what work costs in lock-step: fixed, or as measured")
    costs: str = param("", 'in lock-step, instead of the contract\'s: "voice=80 planning=1200" [ms]')
    real_world: str = param("", "what is simulated, where the stack knows of more; empty: world")
    planner: str = param("rules", "rules, llm or auto")
    base_url: str = param("", "of an OpenAI-compatible server, for planner llm and auto")
    model: str = param("", "name of that server's model")
    recogniser: str = param("pocketsphinx", "pocketsphinx or whisper")
    whisper_model: str = param("", "folder of a whisper model")
    speech_folder: str = param("", "where the robot's spoken answers are written as WAV; empty: nowhere")
    monitor: bool = param(True, "watch latencies, rates and the machine; never in lock-step (speed 0)")
    monitor_folder: str = param("", "where the monitor's journal is written; empty: nowhere")
    prometheus_port: int = param(0, "of the monitor's endpoint on 127.0.0.1; 0: none", low=0, high=65535)
    shedding: bool = param(True, "shed load when the machine is under pressure; never in lock-step")
    thresholds: str = param("", 'of alerts, instead of the contract\'s: "system.cpu=90 voice.response=1.5"')


@dataclass(frozen=True)
class NodeSpec:
    """A node: its module's `main`, which of the options it takes, and how it stands when the cores are busy
    (`nice`): control and safety go before everything else on the machine where the user may do that
    (`vla_sim.common.process_priority`), then what hears a "stop" and what brings it about.

    observer: it only watches. The option of its name switches it; it lives on the machine's clock and
    does not run in lock-step; no run waits for it, and a run goes on when it has ended.
    """

    name: str
    module: str
    takes: tuple[str, ...] = ("world",)
    nice: int = 0
    observer: bool = False


STACK: tuple[NodeSpec, ...] = (
    NodeSpec(
        "engine",
        "vla_sim.simulation.node",
        (
            "world", "real_world", "engine", "sensors", "gui", "seed", "randomise_objects",
            "randomise_start", "randomise_start_yaw", "speed", "compute", "costs",
        ), nice=-10,
    ),
    NodeSpec("perception", "vla_sim.stages.perception.node"),
    NodeSpec("navigation", "vla_sim.stages.navigation.node", nice=-5),
    NodeSpec("manipulation", "vla_sim.stages.manipulation.node"),
    NodeSpec(
        "voice", "vla_sim.stages.voice.node",
        ("world", "recogniser", "whisper_model", "speech_folder"), nice=-5,
    ),
    NodeSpec("language", "vla_sim.stages.language.node", ("world", "planner", "base_url", "model")),
    NodeSpec("safety", "vla_sim.stages.safety.node", nice=-10),
    NodeSpec("executive", "vla_sim.stages.executive.node", nice=-5),
    NodeSpec(
        "monitor", "vla_sim.monitor.node", ("monitor_folder", "prometheus_port", "shedding", "thresholds"),
        observer=True,
    ),
)  # fmt: skip


def nodes(options: StackOptions | None = None, *, simulated: bool = True) -> tuple[NodeSpec, ...]:
    """The whole table, or what of it runs with these options; without the engine on the robot, whose driver
    takes its place (not `simulated`)."""
    return tuple(
        node for node in STACK
        if (simulated or node.name != "engine")
        and (options is None or not node.observer or (getattr(options, node.name) and options.speed > 0.0))
    )  # fmt: skip


def taken(nodes: tuple[NodeSpec, ...]) -> set[str]:
    """Names of the options that these nodes take, or that switch them."""
    return {name for node in nodes for name in (*node.takes, *([node.name] if node.observer else []))}


def parameters(node: NodeSpec, options: StackOptions, *, simulated: bool = True) -> dict[str, object]:
    """The ROS parameters of one node."""
    check(options)
    taken = {name: getattr(options, name) for name in node.takes}
    # A ROS argument cannot be empty; the node's default is the same.
    given = {name: value for name, value in taken.items() if value != ""}
    return {"use_sim_time": simulated and node.name != "engine" and not node.observer, **given}


def arguments(node: NodeSpec, options: StackOptions, *, simulated: bool = True) -> list[str]:
    """The arguments of one node's `main`."""
    line = ["--ros-args", "-r", f"__node:={node.name}"]
    for name, value in parameters(node, options, simulated=simulated).items():
        line += ["-p", f"{name}:={argument_text(value)}"]
    return line


def argument_text(value: object) -> str:
    """A value as ROS arguments and launch arguments have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def command(node: NodeSpec, options: StackOptions, *, simulated: bool = True) -> list[str]:
    """The command line that runs one node in this Python."""
    return [sys.executable, "-m", node.module, *arguments(node, options, simulated=simulated)]


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
