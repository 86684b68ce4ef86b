"""`vla-sim bench` as a user types it: what is measured, written, judged, compared, and said of mistakes."""

import signal
import subprocess
import sys

import msgspec
import pytest
from bench_results import MACHINE, noisy, result, suite

from vla_sim.bench import report, requirements, sets
from vla_sim.bench.result import Suite, read
from vla_sim.cli import main

pytestmark = pytest.mark.integration


def run(capsys, *arguments):
    code = main.main(["bench", *map(str, arguments)])
    return code, capsys.readouterr()


def saved(path, one):
    path.write_bytes(msgspec.json.encode(one))
    return path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("vision",), "no set of benchmarks is called 'vision'"),
        (("control.stop",), "no benchmark is called 'control.stop'; there are control.policy"),
        (("--repeat", "0"), "--repeat 0: give at least 1"),
        (("--requirements", "/nowhere/r.yaml"), "/nowhere/r.yaml: cannot be read"),
        (("--results", "/nowhere/bench.json"), "/nowhere/bench.json: cannot be read"),
        (("--compare", "/nowhere/a.json", "/nowhere/b.json"), "/nowhere/a.json: cannot be read"),
    ],
)
def test_wrong_input_is_one_clear_line(capsys, arguments, words):
    code, said = run(capsys, *arguments)
    assert code == 2
    assert words in said.err
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1


def test_results_that_are_none_are_refused(capsys, tmp_path):
    (tmp_path / "bench.json").write_text('{"a": 1}')
    code, said = run(capsys, "--results", tmp_path)
    assert code == 2
    assert "not what vla-sim bench wrote" in said.err


def test_the_list_shows_every_benchmark(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, said = run(capsys, "--list")
    assert code == 0
    for name in ("voice.hear_stop", "llm.cached_complex", "perception.hd_10", "end_to_end.scenario_cup"):
        assert name in said.out


def test_a_set_is_measured_judged_and_written(capsys, tmp_path):
    code, said = run(capsys, "llm.rules_safe", "navigation.gate", "--quick", "--out", tmp_path / "out")
    assert code == 0
    assert "llm.rules_safe" in said.out
    measured = read(tmp_path / "out")
    assert [r.name for r in measured.results] == ["llm.rules_safe", "navigation.gate"]
    assert all(r.state == "ok" and len(r.samples) == 50 for r in measured.results)
    assert measured.machine.cores >= 1
    assert measured.machine.versions["python"]
    text = (tmp_path / "out" / report.MARKDOWN).read_text()
    assert "| llm.rules_safe [ms] |" in text
    assert "load" in text
    assert (tmp_path / "out" / "navigation.svg").read_text().startswith("<svg")
    # nothing is judged by half: the pattern of this requirement means other benchmarks too
    assert "plan by rules" not in said.out


def everything(value):
    """A whole suite in which each sample of what is asked for is `value` times its limit."""
    asked = [r for r in requirements.load() if r.statistic != "success"]
    made = []
    for name in (b.name for one in sets.SETS for b in sets.load(one)):
        limits = [r.limit for r in asked if r.matches(name)] or [1.0]
        below = any(r.below for r in asked if r.matches(name))
        made.append(result(name, [max(limits) / value if below else min(limits) * value] * 10))
    return suite(*made)


def test_check_sets_the_exit_code(capsys, tmp_path):
    good, bad = saved(tmp_path / "a.json", everything(0.4)), saved(tmp_path / "b.json", everything(1.1))
    code, said = run(capsys, "--results", good, "--check")
    assert code == 0
    assert said.out.count("half to spare") > 30
    assert run(capsys, "--results", bad)[0] == 0
    code, said = run(capsys, "--results", bad, "--check")
    assert code == 1
    assert "VIOLATED by 1.10×" in said.out
    busy = msgspec.structs.replace(everything(1.1), machine=msgspec.structs.replace(MACHINE, others=0.3))
    code, said = run(capsys, "--results", saved(tmp_path / "c.json", busy), "--check")
    assert code == 6
    assert "this machine was not fit to judge speed" in said.out


def test_what_was_not_measured_fails_a_check_of_everything_but_not_of_a_part(capsys, tmp_path):
    whole = everything(0.4)
    most = msgspec.structs.replace(whole, results=[r for r in whole.results if r.set != "control"])
    code, said = run(capsys, "--results", saved(tmp_path / "a.json", most), "--check")
    assert code == 1
    assert "control: lateness of the 50 Hz tick, p99" in said.out
    assert "not measured" in said.out
    part = msgspec.structs.replace(most, subset=True)
    assert run(capsys, "--results", saved(tmp_path / "b.json", part), "--check")[0] == 0


def test_a_failed_benchmark_is_told_in_the_report(tmp_path):
    measured = suite(result("control.step", [1.0, 2.0], state="failed", wrong=1, reason="the robot | fell"))
    report.write(measured, [], [], tmp_path)
    text = (tmp_path / report.MARKDOWN).read_text()
    assert "2 of 3 | failed: the robot \\| fell |" in text
    assert msgspec.json.decode((tmp_path / "bench.json").read_bytes(), type=Suite) == measured


def test_compare_says_what_is_slower_and_sets_the_exit_code(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "150")
    before = suite(result("x.a", noisy(0, 60)), result("x.b", noisy(1, 60)))
    after = suite(
        result("x.a", noisy(2, 60)), result("x.b", noisy(3, 60, factor=1.6)),
        machine=msgspec.structs.replace(MACHINE, cpu="another"),
    )  # fmt: skip
    a, b = saved(tmp_path / "a.json", before), saved(tmp_path / "b.json", after)
    code, said = run(capsys, "--compare", a, b)
    assert code == 1
    assert "not the same machine: processor: one and another" in said.out
    assert "1 slower" in said.out
    assert run(capsys, "--compare", b, a)[0] == 0
    assert run(capsys, "--compare", a, a)[0] == 0


def test_ctrl_c_keeps_what_was_measured(tmp_path):
    line = [sys.executable, "-m", "vla_sim.cli.main", "bench", "llm.rules_safe", "navigation.plan_1000"]
    process = subprocess.Popen([*line, "--out", str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert any(text.startswith("llm.rules_safe") for text in process.stdout)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60.0)[0]
    assert process.returncode == 130
    assert "report: " in rest
    measured = read(tmp_path)
    assert measured.interrupted
    assert (measured.results[0].state, len(measured.results[0].samples)) == ("ok", 200)
    assert all(r.state == "interrupted" for r in measured.results[1:])


@pytest.mark.scenario
@pytest.mark.variant  # of make bench, which measures the same at length
@pytest.mark.ros
@pytest.mark.audio
@pytest.mark.gl
def test_a_quick_suite_measures_every_part_and_every_answer_is_right(tmp_path):
    """All but runs of the whole stack; how long things take is not judged here."""
    assert main.main(["bench", "--quick", "--out", str(tmp_path)]) == 0
    measured = read(tmp_path)
    assert {r.set for r in measured.results} >= {
        "voice", "llm", "perception", "navigation", "manipulation", "control", "monitor",
    }  # fmt: skip
    for one in measured.results:
        optional = one.name.startswith("llm.server_")
        assert one.state == "ok" or (optional and one.state == "skipped"), one
