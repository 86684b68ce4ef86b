"""A journal as a trace for ui.perfetto.dev or chrome://tracing: one command's life across processes.

The format is Chrome's Trace Event Format (JSON object form): slices "X", flow arrows "s" "t" "f", instants
"i", counters "C", names "M"; times in microseconds from the journal's beginning.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from vla_sim.common.files import write_output
from vla_sim.contract import budgets, records
from vla_sim.contract.records import Alert, Command, Load, MonitorState, Status, TraceEvent, Transcript
from vla_sim.monitor.core import RATES
from vla_sim.monitor.journal import Entry, Start

FILE = "trace.json"
NODES = {
    "voice": "voice", "intent": "language", "planning": "language", "perception": "perception",
    "safety": "safety", "control": "safety",
}  # fmt: skip
"""Which node works in which stage."""
COMMANDS = "commands"
MACHINE = "machine"
FIRST_PID = 1_000_000_000  # for tracks that are no process of this machine: beyond Linux's largest process id
Event = dict[str, Any]


class _Trace:
    """Events, and the processes and threads they stand in."""

    def __init__(self, begin: float, pids: dict[str, int]) -> None:
        self.begin, self.events = begin, list[Event]()
        self._pids = dict(pids)
        self._named: set[str] = set()
        self._lanes: dict[tuple[str, str], list[tuple[int, float]]] = {}
        self._threads: dict[str, int] = {}

    def us(self, mono: float) -> float:
        return round(1e6 * (mono - self.begin), 3)

    def pid(self, process: str) -> int:
        pid = self._pids.setdefault(process, FIRST_PID + len(self._pids))
        if process not in self._named:
            self._named.add(process)
            order = [COMMANDS, *dict.fromkeys(NODES.values()), MACHINE, process]
            self._meta("process_name", pid, 0, name=process)
            self._meta("process_sort_index", pid, 0, sort_index=order.index(process))
        return pid

    def thread(self, process: str, name: str) -> int:
        pid = self.pid(process)
        self._threads[process] = tid = self._threads.get(process, 0) + 1
        self._meta("thread_name", pid, tid, name=name)
        return tid

    def lane(self, process: str, name: str, begin: float, end: float) -> int:
        """A thread of this name in which nothing else happens then: slices that overlap need two."""
        lanes = self._lanes.setdefault((process, name), [])
        for k, (tid, until) in enumerate(lanes):
            if until <= begin:
                lanes[k] = (tid, end)
                return tid
        tid = self.thread(process, name)
        lanes.append((tid, end))
        return tid

    def slice(self, process: str, tid: int, name: str, begin: float, end: float, **args: Any) -> None:
        self._add("X", process, tid, name, begin, dur=round(1e6 * (end - begin), 3), args=args)

    def instant(self, process: str, tid: int, name: str, at: float, **args: Any) -> None:
        self._add("i", process, tid, name, at, s="t", args=args)

    def flow(self, phase: str, process: str, tid: int, at: float, id: int) -> None:
        binding = {"bp": "e"} if phase == "f" else {}  # to the slice around it, not the next one
        self._add(phase, process, tid, "command", at, id=id, cat="command", **binding)

    def counter(self, process: str, name: str, at: float, values: dict[str, float]) -> None:
        self._add("C", process, 0, name, at, args=values)

    def _add(self, phase: str, process: str, tid: int, name: str, at: float, **more: Any) -> None:
        event = {"ph": phase, "pid": self.pid(process), "tid": tid, "name": name, "ts": self.us(at)}
        self.events.append({**event, "cat": more.pop("cat", process), **more})

    def _meta(self, kind: str, pid: int, tid: int, **args: Any) -> None:
        self.events.append({"ph": "M", "pid": pid, "tid": tid, "name": kind, "args": args})


def trace(entries: Iterable[Entry]) -> dict[str, Any]:
    """The trace of a journal's entries."""
    entries = list(entries)
    traces = [r for e in entries if isinstance(r := e.record, TraceEvent) and r.end_mono >= r.begin_mono]
    states = [e.record for e in entries if isinstance(e.record, MonitorState)]
    starts = [e.record for e in entries if isinstance(e.record, Start)]
    begin = min([e.mono for e in entries] + [t.begin_mono for t in traces], default=0.0)
    pids = {n.node: n.pid for s in states for n in s.nodes if n.pid > 0}
    out = _Trace(begin, pids)
    _commands(out, entries, traces)
    _stages(out, traces)
    _safety(out, entries)
    _machine(out, entries, states)
    other = {"version": starts[0].version, "began": starts[0].began} if starts else {}
    return {"traceEvents": out.events, "displayTimeUnit": "ms", "otherData": other}


def _commands(out: _Trace, entries: list[Entry], traces: list[TraceEvent]) -> None:
    """One thread per command: its whole life, its skills within; what was heard, and how it ended."""
    came: dict[str, list[tuple[float, Any]]] = {}
    for e in entries:
        if isinstance(e.record, (Status, Transcript, Command)):
            came.setdefault(e.record.command_id, []).append((_when(e), e.record))
    for event in traces:
        came.setdefault(event.command_id, [])
    for command_id, received in came.items():
        mine = [t for t in traces if t.command_id == command_id]
        times = [at for at, _ in received] + [t.begin_mono for t in mine] + [t.end_mono for t in mine]
        texts = (r.text for _, r in received if isinstance(r, (Command, Transcript)))
        text = next(filter(None, texts), command_id)
        tid = out.thread(COMMANDS, text)
        out.slice(COMMANDS, tid, text, min(times), max(times), command_id=command_id)
        running: tuple[float, Status] | None = None
        for at, record in sorted(received, key=lambda one: one[0]):
            if isinstance(record, Status):
                if running is not None:
                    _skill(out, tid, running, at)
                running = (at, record) if record.state == "running" else None
                if record.state in records.FINAL_STATES or record.state == "accepted":
                    out.instant(COMMANDS, tid, record.state, at, detail=record.detail)
            elif isinstance(record, Transcript):
                out.instant(COMMANDS, tid, "heard", at, text=record.text, confidence=record.confidence)
        if running is not None:
            _skill(out, tid, running, max(times))


def _skill(out: _Trace, tid: int, running: tuple[float, Status], end: float) -> None:
    at, status = running
    out.slice(COMMANDS, tid, status.skill or "skill", at, end, step=status.step + 1, steps=status.steps)


def _when(entry: Entry) -> float:
    """When it was published, by its own stamp where it has a plausible one, else when it arrived."""
    record = entry.record
    at = record.mono if isinstance(record, Status) else entry.mono
    return at if 0.0 <= entry.mono - at < 1.0 else entry.mono


def _stages(out: _Trace, traces: list[TraceEvent]) -> None:
    """Slices by node, and an arrow from each stage of a command to its next, from begin to begin: the middle
    of a slice of a nanosecond may be rounded out of it."""
    flows: dict[str, list[tuple[float, str, int]]] = {}
    for t in sorted(traces, key=lambda t: t.begin_mono):
        node = NODES[t.stage]
        tid = out.lane(node, t.stage, t.begin_mono, t.end_mono)
        limit = budgets.BUDGETS[t.stage].limit
        out.slice(
            node, tid, t.stage, t.begin_mono, t.end_mono, command_id=t.command_id, detail=t.detail,
            limit_ms=limit, over=t.milliseconds > limit,
        )  # fmt: skip
        flows.setdefault(t.command_id, []).append((t.begin_mono, node, tid))
    for number, way in enumerate(flows.values(), 1):
        way.sort()
        for k, (at, node, tid) in enumerate(way if len(way) > 1 else []):
            phase = "s" if k == 0 else "f" if k == len(way) - 1 else "t"
            out.flow(phase, node, tid, at, number)


def _safety(out: _Trace, entries: list[Entry]) -> None:
    """The level of the safety gate, whenever it changes."""
    tid, level = 0, ""
    for e in entries:
        if isinstance(e.record, records.SafetyState) and e.record.level != level:
            level = e.record.level
            tid = tid or out.thread("safety", "gate")
            out.instant("safety", tid, level, e.mono, reasons="; ".join(e.record.reasons))


def _machine(out: _Trace, entries: list[Entry], states: list[MonitorState]) -> None:
    """Counters once a second, alerts, and load that is shed."""
    tid = shed = 0
    for e in entries:
        if isinstance(e.record, Alert):
            tid = tid or out.thread(MACHINE, "alerts")
            out.instant(MACHINE, tid, str(e.record), e.mono, value=e.record.value, limit=e.record.threshold)
        elif isinstance(e.record, Load):
            shed = shed or out.thread(MACHINE, "load")
            out.instant(MACHINE, shed, str(e.record), e.mono, level=e.record.level, cause=e.record.cause)
    for s in states:
        out.counter(MACHINE, "load level", s.mono, {"level": float(s.load)})
        out.counter(MACHINE, "cpu [%]", s.mono, {"cpu": s.cpu})
        out.counter(MACHINE, "memory [%]", s.mono, {"memory": s.memory})
        for topic, rate in s.rates.items():
            if topic in RATES.values():
                out.counter(MACHINE, f"{topic} [Hz]", s.mono, {"rate": rate})
        for n in s.nodes:
            if n.cpu >= 0.0:
                out.counter(n.node, "cpu [% of a core]", s.mono, {"cpu": n.cpu})


def write(entries: Iterable[Entry], path: Path) -> None:
    """Raises `InputError` if the file cannot be written."""
    write_output(path, msgspec.json.encode(trace(entries)))
