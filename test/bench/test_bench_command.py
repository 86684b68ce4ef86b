"""`vla-sim bench` from the command line."""

import msgspec
import pytest
from bench_results import report, result

from vla_sim.bench.suite import Machine, Report
from vla_sim.cli import main

RULES = """version: 1
requirements:
  - {name: plan, benchmark: "language/rules: *", statistic: p50, at: most, limit: LIMIT, goal: LIMIT,
     unit: ms, source: test}
"""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "no set of benchmarks is called 'nonsense'; there are voice, language"),
        (["--repeat", "0"], "--repeat 0: a factor above 0"),
        (["--requirements", "/nowhere.yaml"], "/nowhere.yaml: cannot be read"),
        (["--compare", "/a.json", "/b.json"], "/a.json: cannot be read"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(capsys, arguments, message):
    assert main(["bench", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_list_names_them_without_measuring(capsys):
    assert main(["bench", "--list"]) == 0
    out = capsys.readouterr().out
    names = "voice/Stop the robot", "perception/1280×720, 10 objects", "end_to_end/Move forward 2 meters"
    assert all(name in out for name in names)


@pytest.mark.parametrize(("limit", "code"), [("60000", 0), ("0.0000001", 1)])
def test_a_real_set_is_measured_held_and_written(tmp_path, capsys, limit, code):
    rules = tmp_path / "r.yaml"
    rules.write_text(RULES.replace("LIMIT", limit))
    line = ["bench", "language", "--quick", "--check", "--requirements", str(rules), "--out", str(tmp_path)]
    assert main(line) == code
    found = msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=Report)
    assert found.complete
    assert all(r.success and r.figures.count >= 1 for r in found.results)
    written = (tmp_path / "report.md").read_text()
    assert "| plan | p50" in written
    assert "rules: Plan navigation to kitchen [ms]" in written
    assert (tmp_path / "language.svg").read_text().startswith("<svg")
    assert "Requirements" in capsys.readouterr().out


def test_two_results_are_compared_and_a_regression_sets_the_exit_code(tmp_path, capsys):
    slow = Machine(processor="another", cores=1, memory_gb=1.0, load=0.0, python="3.11", packages={})
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    fast = result("voice/a", [10.0 + 0.01 * k for k in range(30)])
    old.write_bytes(msgspec.json.encode(report(fast)))
    new.write_bytes(msgspec.json.encode(report(result("voice/a", [20.0] * 30), machine=slow)))
    assert main(["bench", "--compare", str(old), str(old)]) == 0
    assert main(["bench", "--compare", str(old), str(new)]) == 1
    out = capsys.readouterr().out
    assert "slower" in out
    assert "different machines" in out


def test_a_folder_that_cannot_be_written_is_told(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["bench", "language", "--quick", "--repeat", "0.05", "--out", str(tmp_path / "file")]) == 2
    assert "the results cannot be written to" in capsys.readouterr().err
