"""Whatever is said, answered, or stands in a name: every output shows it as words, and nothing obeys it."""

import io
import json
import os
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import msgspec
import pytest
from hostile import MARK, TEXTS, shown_whole

from vla_sim.bringup.supervisor import Process
from vla_sim.cli import main
from vla_sim.cli.common import write_json
from vla_sim.common.errors import InputError
from vla_sim.contract import topics
from vla_sim.contract.codec import decode, encode
from vla_sim.contract.records import (
    Alert,
    Command,
    MetricFigures,
    MonitorState,
    NodeUsage,
    Plan,
    StageFigures,
    Status,
    Step,
    TraceEvent,
    Transcript,
)
from vla_sim.monitor import journal, perfetto_trace, prometheus
from vla_sim.monitor.health import health, markdown
from vla_sim.monitor.journal import Entry, Journal
from vla_sim.monitor.top_view import Seen, render
from vla_sim.report import page
from vla_sim.report.console import Console
from vla_sim.report.map_sheet import Plan as FloorPlan
from vla_sim.scenario import junit
from vla_sim.scenario.record import Check, CommandRecord, Event, GraspResult, RunRecord, StageLatency, Touch
from vla_sim.scenario.recording import Recording
from vla_sim.scenario.report import html_report, run_map
from vla_sim.scenario.terminal import Display, Lines
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.llm import plan_format
from vla_sim.stages.language.llm.errors import WrongAnswerError
from vla_sim.stages.language.rule_planner import RulePlanner
from vla_sim.stages.language.understanding.reference_resolver import Unresolved
from vla_sim.stages.safety.plan_check import PlanChecker
from vla_sim.world.semantic_map import Place, World

every = pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:40])
HOME = World.load("tabletop")
RULES, CHECKER = RulePlanner(HOME), PlanChecker(HOME)


def test_there_are_a_hundred_and_more():
    assert len(set(TEXTS)) >= 100


def whole(text):
    """As it comes over a topic or out of a file: UTF-8 has no halves of characters."""
    return text.encode("utf-8", "replace").decode()


def run(text, **more):
    """A run's record with these words wherever there are words of others."""
    said = CommandRecord(
        text=text, command_id=text, spoken=True, given=0.0, heard=text, state=text, detail=text
    )
    return RunRecord(
        command=text, heard=text, spoken=True, world=text, engine=text, seed=0, started=text, state=text,
        passed=False, answer=text, reasons=[text], checks=[Check(name=text, passed=False, detail=text)],
        stages=[StageLatency(stage=text, milliseconds=1.0, limit=2.0, goal=1.0)], total_ms=212.0,
        total_limit_ms=2000.0, path_length=3.0, clearance=0.3, real_time_factor=1.0, ready_seconds=1.0,
        contacts=[Touch(a=text, b=text, stamp=1.0, force=2.0)], simulated_seconds=1.0, wall_seconds=1.0,
        grasps=[GraspResult(object=text, lifted=0.0, held=0.0, passed=False)],
        path=[(0.0, 0.0, 0.0), (1.0, 1.0, 0.0)],
        events=[Event(stamp=0.0, text=text)], versions={text: text}, folder=text, scenario=text, proves=text,
        commands=[said], objects={text: ((0.0, 0.0, 0.5), (1.0, 0.0, 0.5))}, log=[text], again=text, **more,
    )  # fmt: skip


def state(text):
    return MonitorState(
        stamp=1.0, mono=2.0, cpu=4.0, memory=3.0, disk=5.0, sent=2e3, received=3e3, real_time_factor=1.0,
        stages=[StageFigures(
            stage=text, count=2, last=9.0, p50=8.0, p95=2.0, p99=3.0, worst=3.0, over=0, limit=3.0, goal=1.0,
        )],
        rates={text: 50.0}, throughput=0.1, errors=0.0, commands=2, missed=0.0,
        nodes=[NodeUsage(node=text, pid=7, cpu=3.0, memory=5.0, silent=0.2, message=text)],
        alerts=[Alert(
            component=text, metric=text, value=9.0, threshold=8.0, unit=text, severity="warning", stamp=1.0,
            mono=2.0,
        )],
        metrics=[MetricFigures(
            name=text, unit=text, count=1, last=1.0, average=1.0, min=1.0, max=1.0, p95=1.0, limit=2.0,
        )],
        figures={f"llm.{text}": text, text: "3"},
    )  # fmt: skip


def entries(text):
    """A journal's; text: as it came over a topic."""
    told = {
        topics.TRANSCRIPT: Transcript(
            command_id=MARK, text=text, confidence=0.9, complete=True, speech_end_mono=1.0
        ),
        topics.COMMAND: Command(command_id=MARK, text=text, sent_mono=1.0),
        topics.STATUS: Status(command_id=MARK, state="failed", detail=text, skill=text, mono=1.5),
        topics.TRACE: TraceEvent(command_id=MARK, stage="voice", begin_mono=1.0, end_mono=1.5, detail=text),
        topics.MONITOR_STATE: state(text[:64]), topics.MONITOR_ALERTS: state(text[:64]).alerts[0],
    }  # fmt: skip
    return list(told.items())


class Structure(HTMLParser):
    """Elements and attributes of a page in order; of those that lead somewhere or name a style, also the
    values."""

    def __init__(self, html):
        super().__init__()
        self.found, self.words, self.verdict = [], "", ""
        self.feed(html)
        self.close()

    def handle_starttag(self, name, attributes):
        self.found.append(
            (name, *(f"{k}={v}" if k in ("href", "src", "style") else k for k, v in attributes))
        )

    def handle_endtag(self, name):
        self.found.append(f"/{name}")

    def handle_data(self, data):
        self.words += data

    def handle_comment(self, data):
        self.found.append(data)

    def unknown_decl(self, data):
        self.found.append(data)

    handle_pi = unknown_decl


def elements(xml):
    return [(e.tag, *e.keys()) for e in ElementTree.fromstring(xml).iter()]


HARMLESS = run(MARK), run(MARK, error=MARK, attempt=2)
PAGE = Structure(html_report.render(HARMLESS, MARK)).found
JUNIT = elements(junit.render(HARMLESS).encode())


@every
def test_a_report_has_the_same_elements_whatever_is_said(text):
    html = html_report.render([run(text), run(text, error=text, attempt=2)], text)
    html.encode()
    found = Structure(html)
    assert found.found == PAGE
    assert found.words.count(MARK) >= 20


@every
def test_a_junit_file_is_xml_with_the_same_elements(text):
    xml = junit.render([run(text), run(text, error=text, attempt=2)])
    assert elements(xml.encode()) == JUNIT
    assert xml.count(MARK) >= 10


def drawn(text):
    world = replace(HOME, name=text, places=(Place(text, 0.5, 0.5, 0.0),))
    return page.standalone(run_map.run_map(run(text), FloorPlan.of("plan-0", world)))


MAP = [name for name, *_ in elements(drawn(MARK))]


@every
def test_a_map_has_the_same_elements_whatever_things_are_called(text):
    picture = drawn(text)
    assert [name for name, *_ in elements(picture)] == MAP
    assert MARK in picture.decode()


@every
def test_a_record_is_json_that_says_what_was_said(text, tmp_path):
    text = whole(text)
    write_json(str(tmp_path / "record.json"), [run(text)])
    assert msgspec.json.decode((tmp_path / "record.json").read_bytes(), type=RunRecord) == run(text)


@every
@pytest.mark.integration
def test_an_argument_is_refused_in_one_line(text, capsys):
    for words in ([text], ["list", "--world", text], ["test", text], ["param", text], ["trace", text]):
        assert main.main(words) == 2
        told = capsys.readouterr().err.strip()
        assert told.isprintable()
        assert ("UTF-8" in told) == (whole(text) != text)


@every
def test_a_terminal_is_not_steered(text):
    out = io.StringIO()
    width = 10_000 if len(text) > 1000 else 2000  # no line of it is broken
    console = Console(file=out, width=width, color_system=None, force_terminal=True)
    display = Display(console)
    display.result(run(text))
    recording = Recording()
    recording.said.append((1.0, text))
    for line in Lines(recording, [(0.5, text)]).new(0.0):
        display.event(line.stamp, line.text)
    console.print(render(Seen(7, state(text), ended=[state(text).alerts[0]])), soft_wrap=True)
    console.print(markdown(health([Entry(1.0, t.name, r) for t, r in entries(text)])), soft_wrap=True)
    assert shown_whole(out.getvalue())
    assert out.getvalue().count(MARK) > 25


@every
def test_an_error_and_a_log_are_lines(text, tmp_path):
    told = str(InputError(f"{text}: no such world"))
    assert told.isprintable()
    assert MARK in told
    echoed = []
    output = io.BytesIO(text.encode("utf-8", "surrogateescape" if "\udcff" in text else "replace") + b"\n")
    Process(
        "node",
        SimpleNamespace(pid=os.getpid(), output=output),
        tmp_path / "log",
        lambda *said: echoed.append(said[1]),
    ).reader.join(5.0)
    assert all(line.isprintable() for line in echoed)
    assert MARK in " ".join(echoed)
    assert (tmp_path / "log").read_text().split("\n")[:-1] == echoed


@every
def test_a_journal_gives_back_what_came_and_makes_a_trace(text, tmp_path):
    text = whole(text)  # as each string of a topic
    book = Journal(tmp_path / journal.FILE, print)
    for topic, record in entries(text):
        book.record(topic, decode(topic.type, encode(record)), 1.5)
    book.close()
    found = journal.read(tmp_path / journal.FILE)
    assert [(e.topic, e.record) for e in found[1:]] == [(t.name, r) for t, r in entries(text)]
    perfetto_trace.write(found, tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text())
    names = [e["args"]["name"] for e in trace["traceEvents"] if e["ph"] == "M" and "name" in e["args"]]
    assert text in names
    assert {e["ph"] for e in trace["traceEvents"]} <= set("XiCMstf")


class Collector:
    def __init__(self, state):
        self.state = state

    def collect(self):
        return prometheus.families(self.state)


@every
def test_a_label_of_prometheus_is_one_label(text):
    client = pytest.importorskip("prometheus_client")
    from prometheus_client.parser import text_string_to_metric_families

    text = whole(text)
    registry = client.CollectorRegistry(auto_describe=False)
    registry.register(Collector(state(text)))
    exposed = client.generate_latest(registry).decode()
    found = {f.name: f for f in text_string_to_metric_families(exposed)}
    assert all(name.startswith("vla_sim_") for name in found)
    assert [s.labels["stage"] for s in found["vla_sim_stage_measured"].samples] == [text]
    assert [s.labels for s in found["vla_sim_node_silent_seconds"].samples] == [{"node": text}]


FOLDERS = [text for text in TEXTS if not set(text) & set("/\0") and whole(text) == text]


@pytest.mark.parametrize("text", FOLDERS, ids=lambda text: ascii(text)[:40])
@pytest.mark.integration
def test_a_folder_may_be_called_so_unless_it_is_too_long(text, tmp_path, capsys):
    folder = tmp_path / text
    if len(text.encode()) > 255:
        with pytest.raises(InputError, match="File name too long"):
            html_report.write([run(text)], folder / "report.html")
        return
    book = Journal(folder / journal.FILE, print)
    book.record(topics.STATUS, Status(command_id="c", state="failed", mono=1.5), 1.5)
    book.close()
    write_json(str(folder / "record.json"), [run(text)])
    html_report.write([run(text)], folder / "report.html")
    junit.write([run(text)], folder / "junit.xml")
    assert main.main(["trace", str(folder)]) == 0
    assert main.main(["health", str(folder), "--out", str(folder / "health")]) == 0
    said = capsys.readouterr()
    assert shown_whole(said.out)
    assert MARK in said.out
    names = {"record.json", "report.html", "junit.xml", "trace.json", "health", journal.FILE}
    assert {p.name for p in folder.iterdir()} == names
    assert main.main(["trace", str(folder / "not here")]) == 2
    assert capsys.readouterr().err.strip().isprintable()


@every
@pytest.mark.integration
def test_a_world_may_hold_the_name_or_one_line_says_why_not(text, tmp_path, capsys):
    sdf = HOME.path.read_text().replace('"place/table"', quoteattr(f"place/{text}"))
    path = tmp_path / "own.sdf"
    path.write_bytes(whole(sdf).encode())
    code = main.main(["list", "--world", str(path)])
    said = capsys.readouterr()
    assert MARK in said.out if code == 0 else said.err.strip().isprintable()
    assert shown_whole(said.out)


@every
def test_whatever_is_said_is_planned_or_asked_about(text):
    found = RULES.plan(text, Context())
    assert CHECKER.check(Plan(command_id="c", text="", steps=found.steps, planner="rules")) == []
    assert {s.place for s in found.steps} <= {"", "user", *CHECKER.targets}


@every
def test_a_models_answer_is_no_plan_and_is_quoted_in_one_line(text):
    named = [
        json.dumps({"steps": [step]})
        for step in (
            {"skill": "navigate", "place": text}, {"skill": "pick", "object": text}, {"skill": text},
            {"skill": "place", "surface": text}, {"skill": "stop", text: text},
            {"skill": "ask", "question": text},
        )
    ]  # fmt: skip
    a_plan_and_words = text.startswith('{"steps"')  # is read as that plan: to stop
    for answer in named if a_plan_and_words else (text, *named):
        with pytest.raises((WrongAnswerError, Unresolved)) as refused:
            plan_format.read(answer, RULES.lexicon, Context())
        assert str(refused.value).isprintable()
    assert CHECKER.check(
        Plan(command_id="c", text=text, steps=[Step(skill="navigate", place=text)], planner="llm")
    )
