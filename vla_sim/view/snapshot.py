"""What the page is sent of a `ViewState`: its sections as JSON, each small, each with its units in its names.

A section that is equal to what a viewer has already is not sent again (`server`).
"""

from base64 import b64encode
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from vla_sim.bringup.node_table import STACK
from vla_sim.common.pictures import encoded
from vla_sim.contract import faults, topics
from vla_sim.contract.budgets import BUDGETS, TOTAL_BUDGET
from vla_sim.contract.records import STOP_SAID, SafetyState
from vla_sim.view.state import Command, Costmap, Line, ViewState
from vla_sim.world.semantic_map import World

LATCHED = "emergency stop is latched"
"""A reason that the page has in words of its own."""
SILENT = 1.0
"""[s] without a word of safety, which speaks ten times a second, after which it counts as silent."""
LINES = 80
"""Of the log and of what happened, that the page shows."""
FURNITURE = 0.05
"""[m] cells of the map that is drawn."""


def _plain(value: Any) -> Any:
    """A number of numpy's as Python's."""
    return value.item()


_encoder = msgspec.json.Encoder(enc_hook=_plain)
Section = dict[str, Any]


def encode(value: Any) -> bytes:
    return _encoder.encode(value)


def world_section(world: World) -> Section:
    """What does not change: the map as a picture, places, surfaces, zones that are forbidden, budgets."""
    grid = world.rasterise(FURNITURE)
    cost = np.where(grid.occupied, 100, 0).astype(np.uint8)
    return {
        "name": world.name,
        "map": _raster(Costmap(0.0, cost, grid.x0, grid.y0, grid.resolution)),
        "places": [{"name": p.name, "x": p.x, "y": p.y} for p in world.places],
        "surfaces": [
            {"name": s.name, "x": s.x, "y": s.y, "yaw": s.yaw, "length": s.length, "width": s.width}
            for s in world.surfaces
        ],
        "forbidden": world.forbidden,
        "budgets_ms": {name: one.limit for name, one in BUDGETS.items()} | {"total": TOTAL_BUDGET.limit},
        "kinds": [
            {
                "name": kind.name, "does": kind.does, "amount": kind.amount, "usual": kind.usual,
                "targets": faults.targets(kind, [spec.name for spec in STACK]), "lasts": kind.lasts,
                "two": kind.group == "link",
            }
            for kind in faults.KINDS.values()
        ],
    }  # fmt: skip


class Sections:
    """Makes them; a costmap is drawn once."""

    def __init__(self) -> None:
        self._drawn: tuple[Costmap | None, Section] = (None, {})

    def of(self, state: ViewState) -> dict[str, Section]:
        """By name."""
        if state.costmap is not self._drawn[0]:
            self._drawn = (state.costmap, _raster(state.costmap) if state.costmap else {})
        return {**_sections(state), "costmap": self._drawn[1]}


def _sections(state: ViewState) -> dict[str, Section]:
    return {
        "clock": {"stamp_s": round(state.stamp - state.zero, 1), **_pace(state)},
        "safety": safety(state.safety, state.age(topics.SAFETY_STATE), state),
        "robot": _robot(state),
        "scan": {"cm": _cm(state.scan)},
        "path": {"cm": _cm(state.path)},
        "things": _things(state),
        "command": command(state.command),
        "latency": latency(state.command, state.modelled),
        "machine": _machine(state),
        "nodes": {name: {"level": level, "says": says} for name, (level, says) in state.nodes.items()},
        "alerts": {
            "now": [{"level": a.severity, "text": str(a)} for a in state.monitor.alerts] if state.monitor
            else [], "lines": _lines(state.alerts, state.zero),
        },
        "events": {"lines": _lines(state.events, state.zero)},
        "log": {"lines": _lines(state.log, state.zero)},
        "faults": {"now": [{"id": f.fault_id, "text": faults.words(f)} for f in state.faults or ()]},
    }  # fmt: skip


def safety(said: SafetyState | None, age: float, state: ViewState) -> Section:
    """What is forbidden, why, and what releases it. age: of what safety said [s]."""
    level, reasons, release = "waiting", ["safety has not been heard yet"], "Nothing moves without its word."
    title = "Waiting for safety"
    if said is not None and age > SILENT:
        level, title = "silent", "Safety is silent"
        reasons = [f"nothing has come from it for {age:.0f} s"]
        release = "The robot stands until it speaks again; do not rely on this page to stop it."
    elif said is not None:
        level, reasons = said.level, [one for one in said.reasons if not one.startswith(LATCHED)]
        title, release = _TITLES[said.level]
        if said.fallen:
            title = "The robot has fallen"
            release = "Set it up (in simulation: reset the world), then release the emergency stop."
        elif level == "stopped" and STOP_SAID in reasons:
            title, release = "Stopped", "The next command that is allowed lets it move again."
    out: Section = {"level": level, "title": title, "reasons": reasons, "release": release}
    if state.refusal is not None and state.stamp - state.refusal[0] < 5.0:
        refused = state.refusal[1]
        out["refused"] = f"{refused.arm} {refused.part}: {refused.reason}"
    return out


_TITLES = {
    "ok": ("Motion is allowed", ""),
    "slowed": ("Slowed", "It goes on at full speed by itself once the way is free."),
    "stopped": ("Motion is forbidden", "It goes on by itself once the reason is gone."),
    "estop": (
        "Emergency stop is latched", "Release it with the button or /safety/estop false; that starts nothing."
    ),
}  # fmt: skip

UNTOLD: Section = {
    "level": "silent", "title": "This page is told nothing", "reasons": ["what it shows is old"],
    "release": "The robot goes on with what it was told. A stop goes its own way from here: try it.",
}  # fmt: skip
"""In place of what safety said, where the viewer itself does not come to say it."""


def command(one: Command | None) -> Section:
    """The newest command: its words, its plan as steps, how far it is."""
    if one is None:
        return {}
    status, verdict = one.status, one.verdict
    allowed = verdict is None or verdict.allowed
    return {
        "id": one.command_id, "text": one.text, "spoken": one.spoken,
        "state": status.state if status else "forbidden" if not allowed else "understanding",
        "detail": status.detail if status else "", "answer": one.plan.answer if one.plan else "",
        "planner": one.plan.planner if one.plan else "",
        "forbidden": [] if verdict is None or allowed else verdict.reasons,
        "steps": [{"text": str(step), "state": how} for step, how in one.steps()],
    }  # fmt: skip


def latency(one: Command | None, modelled: bool) -> Section:
    """The stages of a command one after another, beside their limits [ms]."""
    bars = one.waterfall() if one is not None else []
    end = max((bar.end for bar in bars if bar.stage == "control"), default=None)
    return {
        "source": "modelled" if modelled else "measured",
        "from": "the last word" if one is not None and one.spoken else "typed",
        "bars": [
            {
                "stage": bar.stage, "begin_ms": round(bar.begin, 1), "end_ms": round(bar.end, 1),
                "limit_ms": BUDGETS[bar.stage].limit, "detail": bar.detail,
            }
            for bar in bars
        ],
        "total_ms": None if end is None else round(end, 1),
    }  # fmt: skip


def _pace(state: ViewState) -> Section:
    monitor = state.monitor
    truth = state.truth
    factor = monitor.real_time_factor if monitor else truth.real_time_factor if truth else None
    return {"real_time_factor": None if factor is None else round(factor, 2)}


def _robot(state: ViewState) -> Section:
    out: Section = {"velocity": [round(v, 2) for v in state.velocity], "goal": state.goal}
    for name, pose in (("base", state.base), ("truth", state.true_base)):
        if pose is not None:
            out[name] = [round(pose.position[0], 3), round(pose.position[1], 3), round(pose.yaw, 3)]
    if state.manipulation is not None:
        out["arm"] = f"{state.manipulation.action} {state.manipulation.phase}".strip()
        out["holding"] = state.manipulation.holding
    return out


def _things(state: ViewState) -> Section:
    """What perception has found, and what is there by the simulator's truth [m]."""
    return {
        "detected": [
            {
                "name": f"{o.colour} {o.kind}".strip(), "x": round(o.position[0], 2),
                "y": round(o.position[1], 2), "confidence": round(o.confidence, 2),
            }
            for o in state.detected
        ],
        "objects": [
            [name, round(p.position[0], 2), round(p.position[1], 2)] for name, p in state.objects.items()
        ],
        "people": [
            [name, round(p.position[0], 2), round(p.position[1], 2), round(p.yaw, 2)]
            for name, p in state.people.items()
        ],
        "clearance_m": round(state.truth.clearance, 2) if state.truth else None,
    }  # fmt: skip


def _machine(state: ViewState) -> Section:
    """Rates, resources and each stage's latency over the monitor's window; empty without a monitor."""
    monitor = state.monitor
    if monitor is None:
        return {}
    return {
        "cpu_percent": round(monitor.cpu), "memory_percent": round(monitor.memory),
        "disk_percent": round(monitor.disk), "load": state.load.name if state.load else "",
        "rates_hz": {name: round(rate, 1) for name, rate in monitor.rates.items() if rate >= 0.5},
        "stages": [
            {
                "stage": s.stage, "count": s.count, "last_ms": round(s.last), "p50_ms": round(s.p50),
                "p95_ms": round(s.p95), "limit_ms": s.limit,
            }
            for s in monitor.stages
        ],
        "nodes": [
            {"node": n.node, "cpu_percent": round(n.cpu), "memory_mb": round(n.memory), "level": n.level}
            for n in monitor.nodes
        ],
    }  # fmt: skip


def _lines(lines: Iterable[Line], zero: float) -> list[tuple[float, str, str, str]]:
    return [(round(one.stamp - zero, 1), one.kind, one.who, one.text) for one in [*lines][-LINES:]]


def _cm(points: np.ndarray) -> list[int]:
    """(n, 2) [m] as x, y, x, y, ... [cm]."""
    flat: list[int] = np.rint(100.0 * points).astype(int).ravel().tolist()
    return flat


def _raster(grid: Costmap) -> Section:
    """A picture of one byte a cell, its first row at the largest y as pictures have it; corners in [m]."""
    rows, columns = grid.cost.shape
    return {
        "png": "data:image/png;base64," + b64encode(encoded(grid.cost[::-1], "PNG")).decode(),
        "x0": grid.x0, "y0": grid.y0,
        "x1": grid.x0 + columns * grid.resolution, "y1": grid.y0 + rows * grid.resolution,
    }  # fmt: skip
