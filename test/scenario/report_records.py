"""Records of runs that tests of reports draw, and a reader of the page."""

import math
from html.parser import HTMLParser

from vla_sim.contract import budgets
from vla_sim.scenario.record import (
    Check,
    CommandRecord,
    Event,
    GraspResult,
    RunRecord,
    StageLatency,
    Touch,
    Usage,
)
from vla_sim.scenario.report import html_report

VOID = {"meta", "img", "br"}
COLLISION = Touch(a="g1::left_elbow_link::arm", b="shell::link::door", stamp=4.0, force=82.0)


def stages(milliseconds=40.0):
    return [
        StageLatency(stage=name, milliseconds=milliseconds, limit=b.limit, goal=b.goal)
        for name, b in budgets.BUDGETS.items()
    ]


def command(**changes):
    values = {"text": "go", "command_id": "c", "spoken": True, "given": 0.0}
    return CommandRecord(**(values | changes))


def record(**changes):
    """A run through the kitchen's door that passed; with `reasons` or an `error` one that did not."""
    way = [(0.2 * i, -0.7 + 0.05 * i, 0.1 + 0.4 * math.sin(0.05 * i)) for i in range(60)]
    said = command(heard="go", state="succeeded", stages=stages(), total_ms=212.0)
    values = {
        "command": "Go to the kitchen", "heard": "go to the kitchen", "spoken": True, "world": "apartment",
        "engine": "mujoco", "seed": 0, "started": "2025-11-25T18:10:03+00:00", "state": "succeeded",
        "passed": not changes.get("reasons") and not changes.get("error"), "answer": "I am there.",
        "reasons": [], "checks": [Check(name="arrives", passed=True, detail="0.11 m from it")],
        "stages": stages(), "total_ms": 212.0, "total_limit_ms": 2000.0, "path_length": 3.0,
        "clearance": 0.31, "contacts": [], "real_time_factor": 1.02, "ready_seconds": 18.0,
        "grasps": [GraspResult(object="red_cup", lifted=0.16, held=3.4, passed=True)],
        "simulated_seconds": 12.0, "wall_seconds": 11.8, "path": way,
        "events": [Event(stamp=0.0, text="spoken"), Event(stamp=1.1, text="navigate (step 1 of 1)")],
        "versions": {"vla_sim": "0.4.0"}, "folder": "", "scenario": "walk", "proves": "It walks.",
        "commands": [said], "near": [(t, 0.31 + 0.1 * math.sin(t) ** 2) for t, _, _ in way],
        "usage": [Usage(stamp=float(t), cpu=120.0 + t, memory=800.0) for t in range(12)],
        "objects": {"red_cup": ((4.1, -1.5, 0.8), (4.3, -1.2, 0.95)), "blue_box": ((1.0, 0.0, 0.4),) * 2},
        "log": ["navigation: [WARN] replanned"], "again": "vla-sim test walk --seed 0",
    }  # fmt: skip
    return RunRecord(**(values | changes))


def broken(**changes):
    """A run that broke off before anything was measured."""
    bare = {
        "error": "perception ended with exit code 3", "checks": [], "stages": [], "total_ms": None,
        "clearance": None, "grasps": [], "path": [], "events": [], "commands": [], "near": [], "usage": [],
        "objects": {}, "log": [], "path_length": 0.0, "real_time_factor": 0.0, "answer": "", "versions": {},
    }  # fmt: skip
    return record(**(bare | changes))


class Page(HTMLParser):
    """Reads a page and complains about elements that are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.data, self.details = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, name, attributes):
        self.tags.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)

    def handle_startendtag(self, name, attributes):
        self.tags.append((name, dict(attributes)))

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        self.data.append(data)

    def all(self, name, class_=None):
        return [a for n, a in self.tags if n == name and class_ in (None, *(a.get("class") or "").split())]

    @property
    def text(self):
        return " ".join(" ".join(self.data).split())


def page(*records, **named):
    return Page(html_report.render(records, **named))
