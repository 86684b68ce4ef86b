"""A journal's entries as a run would leave them, for the tests of what is made of it."""

from vla_sim.contract import limits, records, topics
from vla_sim.contract.records import (
    Alert,
    Command,
    Load,
    MonitorState,
    NodeUsage,
    SafetyState,
    StageFigures,
    Status,
    TraceEvent,
    Transcript,
)
from vla_sim.monitor.journal import Entry, Start


def state(mono, **more):
    stage = StageFigures(
        stage="voice", count=2, last=90.0, p50=80.0, p95=250.0, p99=340.0, worst=350.0, over=1, limit=300.0,
        goal=150.0,
    )  # fmt: skip
    values = {
        "stamp": mono - 100.0, "mono": mono, "cpu": 40.0, "memory": 30.0, "disk": 50.0, "sent": 2e3,
        "received": 3e3, "real_time_factor": 1.0, "stages": [stage],
        "rates": {topics.CMD_VEL.name: 50.0, topics.OBJECTS.name: 9.9}, "throughput": 0.1, "errors": 0.0,
        "commands": 2, "missed": 0.0,
        "nodes": [
            NodeUsage(node="engine", pid=4711, cpu=30.0, memory=500.0, silent=0.2),
            NodeUsage(
                node="elsewhere", pid=0, cpu=-1.0, memory=-1.0, silent=7.0, level="error", message="ill",
            ),
        ],
        "alerts": [], "figures": {"executive.waiting": "1", "llm.cache hits": "3", "voice.noise [dB]": "-50"},
    }  # fmt: skip
    return MonitorState(**{**values, **more})


def traced(command_id, begin, spoken=True, slow=0.0):
    """The stages of one command: 50 ms each, planning `slow` longer."""
    at, out = begin, []
    for stage in records.STAGES:
        if stage == "voice" and not spoken:
            continue
        end = at + 0.05 + (slow if stage == "planning" else 0.0)
        out.append(TraceEvent(command_id=command_id, stage=stage, begin_mono=at, end_mono=end, detail=stage))
        if stage != "perception":
            at = end
    return out


def alert(mono, **more):
    values = {
        "component": "system", "metric": "cpu", "value": 90.0, "threshold": 80.0, "unit": "%",
        "severity": "warning", "stamp": 1.0, "mono": mono,
    }  # fmt: skip
    return Alert(**{**values, **more})


def load(level, before=0, mono=112.0, since=100.0):
    return Load(
        level=level, name=limits.LOAD_LEVELS[level].name, before=before, cause="cpu 95 % for 3 s",
        since=since, cpu=95.0, memory=30.0, missed=0.0, stamp=1.0, mono=mono,
    )  # fmt: skip


def entries():
    """Two commands, one spoken and one typed while the first runs, an alert that ends, load that is shed and
    restored."""
    first = traced("c1", 101.0)
    second = traced("c2", 103.0, spoken=False, slow=1.5)
    said = [
        (101.1, topics.TRANSCRIPT, Transcript(
            command_id="c1", text="go to the kitchen", confidence=0.9, complete=True, speech_end_mono=101.0,
        )),
        (103.0, topics.COMMAND, Command(command_id="c2", text="turn left", sent_mono=103.0)),
        (101.3, topics.STATUS, Status(command_id="c1", state="accepted", mono=101.3)),
        (101.31, topics.STATUS, Status(command_id="c1", state="running", skill="navigate", mono=101.31)),
        (106.0, topics.STATUS, Status(command_id="c1", state="succeeded", mono=106.0)),
        (104.8, topics.STATUS, Status(command_id="c2", state="accepted", mono=104.8)),
        (106.0, topics.STATUS, Status(command_id="c2", state="running", skill="turn", mono=106.0)),
        (107.0, topics.STATUS, Status(command_id="c2", state="failed", detail="blocked", mono=107.0)),
        (102.0, topics.SAFETY_STATE, SafetyState(level="slowed", reasons=["a wall"])),
        (102.0, topics.MONITOR_ALERTS, alert(102.0)),
        (103.5, topics.MONITOR_ALERTS, alert(103.5, severity="critical", value=97.0)),
        (103.0, topics.MONITOR_LOAD, load(1, 0, 103.0, 103.0)),
        (106.5, topics.MONITOR_LOAD, load(0, 1, 106.5, 106.5)),
        (105.0, topics.MONITOR_ALERTS, alert(105.0, active=False, value=60.0)),
    ]  # fmt: skip
    said += [(t.end_mono, topics.TRACE, t) for t in (*first, *second)]
    said += [(m, topics.MONITOR_STATE, state(m)) for m in (101.0, 102.0, 103.0, 104.0, 105.0, 106.0, 107.0)]
    start = Start(began="2026-01-01T00:00:00+00:00", mono=100.0, version="0", pid=1, domain=7)
    return [Entry(100.0, "", start), *(Entry(m, t.name, r) for m, t, r in sorted(said, key=lambda s: s[0]))]
