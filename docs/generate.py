"""Fills in what the pages take from the code: `python docs/generate.py` rewrites the pages of this folder.

A page has marks, `<!-- begin: topics -->` and `<!-- end -->`; what stands between them is made by the
function of that name in `PARTS`. A test holds the pages equal to what this makes.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import Field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import vla_sim
from vla_sim.bringup import node_table
from vla_sim.cli import main
from vla_sim.common.assets import robot_names, share_folder
from vla_sim.common.files import write_whole
from vla_sim.common.markdown import table
from vla_sim.common.params import KINDS, StageParams, named
from vla_sim.contract import budgets, limits, phrases, records, topics
from vla_sim.contract import faults as fault_table
from vla_sim.scenario import format as scenario_format
from vla_sim.scenario import load
from vla_sim.scenario.checks import registry
from vla_sim.world import semantic_map
from vla_sim.world.sdf import reader
from vla_sim.world.solids import half_extent, solids_of

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # also where a test loads this file by its path
import error_messages  # noqa: E402

PACKAGE = Path(vla_sim.__file__).parent
POLICY = HERE.parent / "config" / "sros2_policy.xml"
MARK = re.compile(r"<!-- begin: (\w+) -->\n.*?<!-- end -->", re.S)

QOS = {"sensor": "best effort, depth 1", "reliable": "reliable, depth 50", "latched": "reliable, latched"}
RATES = {
    "/clock": "50 Hz", "/joint_states": "50 Hz", "/imu": "50 Hz", "/odom": "50 Hz",
    "/scan": "`lidar_rate`, 10 Hz", "/points": "`lidar_rate`, 10 Hz",
    "/head_camera/color/image_raw": "`camera_rate`, 10 Hz",
    "/head_camera/depth/image_raw": "`camera_rate`, 10 Hz",
    "/head_camera/color/camera_info": "`camera_rate`, 10 Hz", "/voice/audio": "50 Hz from a microphone",
    "/perception/objects": "`rate`, 10 Hz", "/perception/depth_scan": "`rate`, 10 Hz",
    "/perception/low_obstacles": "`rate`, 10 Hz",
    "/navigation/status": "while a request is under way",
    "/manipulation/status": "`status_rate`, 5 Hz, while a request is under way",
    "/cmd_vel_nav": "`rate`, 20 Hz, while navigating", "/cmd_vel": "`rate`, 50 Hz",
    "/safety/state": "10 Hz, and at each change", "/diagnostics": "1 Hz from each node",
    "/monitor/state": "1 Hz", "/sim/faults": "at each change",
    "/navigation/costmap": "1 Hz while somebody listens",
    "/tf": "25 Hz while somebody listens", "/tf_static": "once", "/robot_description": "once",
    "/sim/ground_truth": "25 Hz", "/sim/contacts": "25 Hz",
}  # fmt: skip
"""What comes by the clock; everything else comes when something happens."""
FOLDERS = {
    "engine": ("simulation", "stages/control"), "robot": ("hardware", "stages/control"),
    "scenario": ("scenario",),
}  # fmt: skip
"""Where a node's publishers and subscribers are written, besides the folder of its module."""
TOOLS = ("viewer.py", "calibration_node.py", "mapping_node.py", "player.py", "fault_client.py")
"""Of `vla-sim top`, `calibrate`, `map` and `replay`, which are no nodes of the stack."""


@cache
def nodes_topics() -> list[tuple[str, str, str]]:
    """(node, "publish" or "listen", topic) of every call of these methods in the code of a node."""
    found = []
    modules = {spec.name: spec.module for spec in node_table.EVERY}
    files = {
        name: PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py") for name, module in modules.items()
    }
    for name in [*modules, "scenario"]:
        module = modules.get(name, "vla_sim.scenario.x")
        others = {file for other, file in files.items() if other != name}  # several may be in one folder
        for folder in FOLDERS.get(name, ("/".join(module.split(".")[1:-1]),)):
            for path in sorted((PACKAGE / folder).rglob("*.py")):
                if path.name in TOOLS or path in others:
                    continue
                found += [(name, how, topic) for how, topic in calls(path)]
    return found + [(node_table.RECORDER.name, "listen", topic.name) for topic in topics.TOPICS]


def calls(path: Path) -> Iterator[tuple[str, str]]:
    """("publish" or "listen", topic) of every call in a file, also in loops over topics."""
    tree = ast.parse(path.read_text())
    named_above = {
        one.targets[0].id: one.value for one in tree.body
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)
    }  # fmt: skip
    loops = [n for n in ast.walk(tree) if isinstance(n, ast.For | ast.ListComp | ast.GeneratorExp)]
    for call in ast.walk(tree):
        how = call.func.attr if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else ""
        if how == "follow_load":
            yield "listen", topics.MONITOR_LOAD.name
        if how == "create_publisher":  # what a node has beside its own publishers
            yield from (("publish", topic) for topic in topics_in(call.args[1], named_above))
        if how not in ("publish", "listen") or not call.args:
            continue
        # Several topics at once; what else is given, a callback, may speak of others.
        more = [one for one in call.args[1:] if ast.unparse(one).startswith(("*", "replace("))]
        meant = [call.args[0], *more]
        named_here = [topic for one in meant for topic in topics_in(one, named_above)]
        for loop in loops:
            turns = [loop] if isinstance(loop, ast.For) else loop.generators
            if not named_here and any(inner is call for inner in ast.walk(loop)):
                named_here = [topic for turn in turns for topic in topics_in(turn.iter, named_above)]
        for topic in named_here:
            yield how, topic


def topics_in(node: ast.AST, named_above: dict[str, ast.expr]) -> Iterator[str]:
    """Names of the topics that an expression speaks of, also by a constant of its module."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and inner.id in named_above:
            yield from topics_in(named_above[inner.id], {})
        if isinstance(inner, ast.Attribute) and ast.unparse(inner.value) == "topics":
            found = getattr(topics, inner.attr)
            yield from (t.name for t in (found.values() if isinstance(found, dict) else [found]))


def topic_table() -> list[str]:
    by: dict[tuple[str, str], list[str]] = {}
    for node, how, topic in nodes_topics():
        if node == node_table.RECORDER.name:  # it hears all of them: a page says so
            continue
        if node not in by.setdefault((how, topic), []):
            by[how, topic].append(node)
    for topic in (topics.TRACE.name, topics.DIAGNOSTICS.name):
        by["publish", topic] = ["every node"]
    by["listen", topics.CLOCK.name] = ["every node but the monitor"]
    rows = []
    for topic in topics.TOPICS:
        kind = topic.type if isinstance(topic.type, str) else f"`{topic.type.__name__}`"
        rows.append((
            f"`{topic.name}`", kind.replace("/msg/", "/"), QOS[topic.qos],
            RATES.get(topic.name, "on an event"),
            ", ".join(by.get(("publish", topic.name), ["—"])),
            ", ".join(by.get(("listen", topic.name), ["—"])),
        ))  # fmt: skip
    return table(("topic", "type", "quality of service", "rate", "published by", "heard by"), rows)


EVERYWHERE = {
    "publish": ("/rosout", "/parameter_events", topics.TRACE.name, topics.DIAGNOSTICS.name),
    "subscribe": ("/parameter_events", topics.CLOCK.name),
}
"""Topics of every node."""
ANSWERS = {
    "engine": topics.RESET_SERVICE, "safety": topics.ESTOP_SERVICE, "monitor": topics.MONITOR_SERVICE,
}  # fmt: skip
"""Whose service it is."""


def security_policy() -> str:
    """The rights of every node as SROS 2 takes them: what it publishes, what it hears, the services it gives
    or asks for."""
    rights: dict[str, dict[str, set[str]]] = {}
    for node, how, topic in nodes_topics():
        kind = "publish" if how == "publish" else "subscribe"
        by = rights.setdefault(node, {kind: set(names) for kind, names in EVERYWHERE.items()})
        by[kind].add(topic)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines += ["<!-- Made by docs/generate.py from the contract and the code of the nodes. -->"]
    lines += ['<policy version="0.2.0">', "  <enclaves>"]
    for node, by in sorted(rights.items()):
        lines += [f'    <enclave path="/vla_sim/{node}">', "      <profiles>"]
        lines += [f'        <profile ns="/" node="{node}">']
        for kind, names in by.items():
            lines += [f'          <topics {kind}="ALLOW">']
            lines += [f"            <topic>{name}</topic>" for name in sorted(names)]
            lines += ["          </topics>"]
        own = "get_parameters get_parameter_types set_parameters set_parameters_atomically list_parameters"
        services = [f"~/{name}" for name in f"{own} describe_parameters".split()]
        services += [ANSWERS[node]] if node in ANSWERS else []
        asks = sorted(ANSWERS.values()) if node in ("scenario", "view") else []
        for kind, called in (("reply", services), ("request", asks)):
            if called:
                lines += [f'          <services {kind}="ALLOW">']
                lines += [f"            <service>{name}</service>" for name in called]
                lines += ["          </services>"]
        lines += ["        </profile>", "      </profiles>", "    </enclave>"]
    return "\n".join([*lines, "  </enclaves>", "</policy>", ""])


def services() -> list[str]:
    return table(
        ("service", "type", "what it does"),
        (
            (f"`{topics.ESTOP_SERVICE}`", "std_srvs/SetBool", "true: emergency stop; false: it is over"),
            (f"`{topics.MONITOR_SERVICE}`", "std_srvs/Trigger", "the last minutes, as text"),
            (f"`{topics.RESET_SERVICE}`", "std_srvs/Trigger", "the simulated world as at the beginning"),
        ),
    )


def record_table() -> list[str]:
    """The records that travel as JSON, with their fields."""
    kinds = {t.type.__name__: t.type for t in topics.TOPICS if not isinstance(t.type, str)}
    rows = []
    for name, kind in sorted(kinds.items()):
        said = sentence(kind.__doc__)
        rows.append((f"`{name}`", ", ".join(f"`{f}`" for f in kind.__struct_fields__), said))
    return table(("record", "fields", "what it is"), rows)


def sentence(text: str | None) -> str:
    """The first sentence of a docstring."""
    return re.split(r"(?<=\.)\s", " ".join((text or "").split()))[0].rstrip(".")


def whole(text: str | None) -> str:
    return " ".join((text or "").split())


def default(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "empty" if value == "" else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def allowed(one: Field[Any]) -> str:
    """What a parameter may be: type, and choices or range."""
    about, kind = one.metadata, KINDS[type(one.default)].removeprefix("a ")
    if about["choices"]:
        return ", ".join(f"`{choice}`" for choice in about["choices"])
    low, high = about["low"], about["high"]
    if low is None:
        return kind
    return f"{kind}, {low:g} to {high:g}" if high is not None else f"{kind}, {low:g} or more"


def parameters() -> list[str]:
    head = ("parameter", "default", "allowed", "at run time", "what it is")
    shared = set(named(StageParams))
    lines = ["### Every node", "", *table(head, map(row, named(StageParams).values()))]
    for spec in node_table.EVERY:
        own = [one for name, one in named(spec.params).items() if name not in shared]
        lines += ["", f"### {spec.name}", ""]
        lines += table(head, map(row, own)) if own else ["Nothing besides what every node has."]
    return lines


def row(one: Field[Any]) -> tuple[str, ...]:
    live = "yes" if one.metadata["live"] else ""
    return f"`{one.name}`", default(one.default), allowed(one), live, one.metadata["doc"]


def options() -> list[str]:
    """The options of a whole run, and which nodes get each."""
    rows = []
    for name, one in node_table.OPTIONS.items():
        takers = [spec.name for spec in node_table.EVERY if name in spec.takes]
        rows.append((f"`{name}`", ", ".join(takers) or "the run", default(one.default), one.metadata["doc"]))
    return table(("option", "a parameter of", "default", "what it is"), rows)


def fields_of(kind: type[scenario_format.Part], leave: str = "") -> str:
    """Fields of a part of a scenario file, those that must be given in bold."""
    found = [shown for name, shown in scenario_format.fields(kind).items() if name != leave]
    return ", ".join(f"**`{word}`**" if needed else f"`{word}`" for word, needed in found)


def checks() -> list[str]:
    rows = [
        (f"`{kind.__struct_config__.tag}`", fields_of(kind), whole(kind.__doc__))
        for kind in sorted(registry.BUILT_IN, key=lambda kind: str(kind.__struct_config__.tag))
    ]
    return table(("check", "fields", "what must hold"), rows)


def actions() -> list[str]:
    rows = [
        (f"`{kind.__struct_config__.tag}`", fields_of(kind, "when"), whole(kind.__doc__))
        for kind in scenario_format.ACTIONS
    ]
    return table(("action", "fields besides `when`", "what it does"), rows)


def faults() -> list[str]:
    rows = []
    for name, kind in fault_table.KINDS.items():
        amount = f"{kind.amount}, `{kind.usual:g}`" if kind.amount else ""
        rows.append((f"`{name}`", fault_table.whom(kind), amount, kind.does))
    return table(("fault", "of", "amount and its default", "what happens"), rows)


def fault_results() -> list[str]:
    """What the robot did in each case that was played."""
    from vla_sim.report.text import number
    from vla_sim.scenario import fault_cases

    found = sorted(fault_cases.read(HERE / "fault_results.jsonl").values(), key=lambda one: one.case)
    unheard = sum(one.state == fault_cases.UNHEARD for one in found)
    found = [one for one in found if one.state != fault_cases.UNHEARD]
    if not found:
        return ["No case was played yet."]
    rows = [
        (
            one.fault.split(" for ")[0], one.phase, "held" if one.held else f"**broke**: {one.why}",
            one.state, number(one.safe, 2, "s"), number(one.recovery, 2, "s"),
            str(one.unanswered), str(one.collisions),
            one.engine + ("" if one.lockstep else ", by the clock"),
        )
        for one in found
    ]  # fmt: skip
    head = (
        "fault", "phase", "", "the command", "to standing", "to recovery", "unanswered", "collisions",
        "engine",
    )  # fmt: skip
    held, all_ = sum(one.held for one in found), len(fault_cases.cases())
    words = f"Of {all_} cases {len(found)} were played so far; {held} held, {len(found) - held} broke."
    if unheard:
        words += f" {unheard} are left out: of topics that no node listens to."
    return [words, "", *table(head, rows)]


SENTENCES: dict[str, tuple[str, ...]] = {
    "navigate": (
        "go to the kitchen",
        "slowly walk to the bedroom via the hallway",
        "go back to where you started",
    ),
    "approach": ("walk to the red cup",),
    "find": ("where is the red cup", "look for the red cup"),
    "pick": ("pick up the red cup", "take the red cup with your left hand"),
    "place": (
        "move the red box from the dresser to the side table",
        'holding it: "put it on the kitchen table"',
        "put the red cup next to the yellow ball",
    ),
    "carry": ("take the red cup to the bedroom", "bring me the red cup from the kitchen"),
    "move": ("move forward half a meter", "take two steps back", "move a bit to the left"),
    "turn": ("turn left 90 degrees", "turn around"),
    "stop": ("stop",),
    "wait": ("wait 5 seconds",),
    "say": ("say hello",),
    "remember": ("this is my mug", "the red cup is my mug"),
}
"""What a person says in the apartment to have a skill used."""


def skills() -> list[str]:
    rows = (
        (f"`{skill}`", ", ".join(f"`{t}`" for t in takes), "; ".join(SENTENCES[skill]))
        for skill, takes in records.STEP_FIELDS.items()
    )
    return table(("skill", "takes", "as in"), rows)


PHRASES = {
    "go": "GO", "to": "TO", "by way of": "VIA", "the start": "START", "slowly": "SLOWLY",
    "quickly": "QUICKLY", "a bit": "A_BIT", "forward": "FORWARD", "back": "BACKWARD", "left": "LEFT",
    "right": "RIGHT",
    "turn": "TURN", "around": "AROUND", "take": "PICK", "with the left hand": "LEFT_HAND",
    "with the right hand": "RIGHT_HAND", "bring, move": "BRING", "put": "PUT", "next to": "NEXT_TO",
    "on top of": "ON_TOP_OF", "into": "INSIDE", "find": "FIND",
    "wait": "WAIT", "stop": "STOP", "is there": "IS_THERE", "how many": "HOW_MANY", "what is": "WHAT_IS",
    "what it holds": "ASK_HOLDING", "what it sees": "ASK_SEEING", "where it is": "ASK_WHERE",
    "what it does": "ASK_DOING", "what it can do": "ASK_ABLE", "places": "ASK_PLACES",
    "things": "ASK_THINGS", "yes": "YES", "no": "NO", "the other one": "OTHER", "then": "LINKS",
    "please": "POLITE", "not to be done": "FORBIDDEN",
}  # fmt: skip
"""What is meant -> its table in `contract.phrases`."""


def phrase_tables() -> list[str]:
    rows = []
    for what, name in PHRASES.items():
        known: phrases.Phrases = getattr(phrases, name)
        typed = [one for text in known.texts for one in text.split("|") if one and one not in known.spoken]
        rows.append((what, ", ".join(known.spoken), ", ".join(dict.fromkeys(typed))))
    return table(("what is meant", "typed or spoken", "typed"), rows)


def scenarios() -> list[str]:
    rows = ((f"`{p.stem}`", load.load(p).scenario.proves) for p in load.shipped())
    return table(("scenario", "what a pass proves"), rows)


def worlds() -> list[str]:
    rows = []
    for path in sorted(share_folder("worlds").glob("*.sdf")):
        world = semantic_map.World.load(path.stem)
        rows.append((
            f"`{world.name}`", ", ".join(p.name for p in world.places),
            ", ".join(s.name for s in world.surfaces),
            ", ".join(f"{o.colour} {o.kind}" for o in world.objects),
        ))  # fmt: skip
    return table(("world", "places", "surfaces", "objects"), rows)


def models() -> list[str]:
    """What may stand in a world: its size over all, the top that things stand on, where its frame is."""
    rows = []
    for path in sorted(share_folder("models").glob("*/model.config")):
        name, solids = path.parent.name, tuple(solids_of(reader.load_model(path.parent)))
        boxes = [(s.pose[:3, 3], half_extent(s.shape, s.size, s.pose[:3, :3])) for s in solids]
        if name in robot_names() or name.endswith("_shell") or not boxes:
            continue
        low = np.min([at - half for at, half in boxes], axis=0)
        high = np.max([at + half for at, half in boxes], axis=0)
        top = semantic_map._top(name, solids)
        surface = "" if top is None else f"{top.pose[2, 3] + top.size[2] / 2:.3g}"
        frame = "in its middle" if abs(low[2] + high[2]) < 0.005 else "on the floor"
        rows.append((f"`{name}`", " × ".join(f"{v:.2g}" for v in high - low), surface, frame))
    return table(("model", "x × y × z [m]", "a surface at [m]", "its frame is"), rows)


def thresholds() -> list[str]:
    rows = []
    for name, one in limits.THRESHOLDS.items():
        sign = "under" if one.below else "from"
        after = f", {one.after} measurements in a row" if one.after > 1 else ""
        rows.append((f"`{name}`", f"{sign} {one.value:g} {one.unit}".strip() + after,
                     f"{one.clear:g} {one.unit}".strip()))  # fmt: skip
    return table(("threshold", "alert", "over at"), rows)


def load_levels() -> list[str]:
    rows = ((i, f"`{level.name}`", level.sheds) for i, level in enumerate(limits.LOAD_LEVELS))
    return table(("level", "name", "given up, besides what the levels before it gave up"), rows)


def budget_table() -> list[str]:
    rows = [(name, f"{one.limit:g}", f"{one.goal:g}") for name, one in budgets.BUDGETS.items()]
    total = budgets.TOTAL_BUDGET
    rows.append(("in all, to the first motion", f"{total.limit:g}", f"{total.goal:g}"))
    return table(("stage", "limit [ms]", "goal [ms]"), rows)


def costs() -> list[str]:
    return table(("work", "charged [ms]"), ((n, f"{1e3 * s:g}") for n, s in budgets.COSTS.items()))


def commands() -> list[str]:
    """Every command of `vla-sim` with its arguments."""
    found = next(a for a in main._parser()._actions if isinstance(a, argparse._SubParsersAction))
    abouts = {one.dest: one.help for one in found._choices_actions}
    lines: list[str] = []
    for name, parser in found.choices.items():
        about = abouts[name] or ""
        lines += [f"## vla-sim {name}", "", about[:1].upper() + about[1:] + ".", ""]
        shown = [a for a in parser._actions if a.help != argparse.SUPPRESS and a.dest != "help"]
        if shown:
            # Python 3.10 adds its own words to flags that can be negated.
            helps = ((action.help or "").removesuffix(" (default: %(default)s)") for action in shown)
            rows = (
                (usage(action), about % {"default": action.default})
                for action, about in zip(shown, helps, strict=True)
            )
            lines += [*table(("argument", "what it does"), rows), ""]
    return lines[:-1]


def usage(action: argparse.Action) -> str:
    """An argument as it is written."""
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    flags = ", ".join(action.option_strings)
    if action.nargs == 0:
        return f"`{flags}`"
    value = action.metavar or "|".join(map(str, action.choices or [action.dest.upper()]))
    return f"`{flags} {' '.join(value) if isinstance(value, tuple) else value}`"


def requirements() -> list[str]:
    from vla_sim.bench import requirements as judged

    rows = []
    for one in judged.load(None):
        at_most = one.at_most is not None
        limit = f"{'at most' if at_most else 'at least'} {one.at_most if at_most else one.at_least:g}"
        rows.append((one.name, f"`{one.benchmark}`", one.statistic, limit, f"{one.goal:g}", one.source))
    return table(("requirement", "benchmark", "statistic", "limit", "goal", "asked for by"), rows)


def tools() -> list[str]:
    """The calls of `vla-sim mcp`."""
    from vla_sim.tool_server.server import Tools

    rows = (
        (
            f"`{tool.name}`",
            ", ".join(f"`{name}`" for name in tool.input_schema["properties"]),
            tool.description,
        )
        for tool in Tools(HERE, None).listed()
    )
    return table(("call", "takes", "what it does"), rows)


def error_kinds() -> list[str]:
    kinds = sorted(error_messages.KINDS.values(), key=lambda kind: (kind.exit_code, kind.__name__))
    return table(
        ("kind", "exit code", "what it is"),
        ((f"`{kind.__name__}`", kind.exit_code, whole(kind.__doc__).rstrip(".")) for kind in kinds),
    )


def errors() -> list[str]:
    """Every message, by room."""
    messages, _ = error_messages.found()
    lines: list[str] = []
    for room, where in error_messages.WHERE.items():
        rows = [(f"`{m.text}`", error_messages.KINDS[m.kind].exit_code) for m in messages if m.room == room]
        if rows:
            lines += [f"## {room}", "", where, "", *table(("message", "exit code"), rows), ""]
    return lines[:-1]


PARTS: dict[str, Callable[[], list[str]]] = {
    "topics": topic_table, "services": services, "records": record_table, "parameters": parameters,
    "options": options, "checks": checks, "actions": actions, "faults": faults,
    "fault_results": fault_results, "skills": skills,
    "phrases": phrase_tables, "scenarios": scenarios, "worlds": worlds, "models": models,
    "thresholds": thresholds, "load_levels": load_levels,
    "budgets": budget_table, "costs": costs, "commands": commands, "requirements": requirements,
    "errors": errors, "error_kinds": error_kinds, "tools": tools,
}  # fmt: skip


def render(text: str) -> str:
    """A page with its generated parts made anew."""
    return MARK.sub(
        lambda mark: "\n".join([f"<!-- begin: {mark[1]} -->", "", *PARTS[mark[1]](), "", "<!-- end -->"]),
        text,
    )


def pages() -> list[Path]:
    return sorted(HERE.glob("*.md"))


if __name__ == "__main__":
    made = {page: render(page.read_text()) for page in pages()} | {POLICY: security_policy()}
    for path, text in made.items():
        write_whole(path, text.encode())
