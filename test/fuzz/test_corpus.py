"""What once broke a parser, and what a search begins with, is taken or refused by one line."""

import subprocess
import sys
from pathlib import Path

import pytest
import targets

from vla_sim.contract.codec import encode

CORPUS = Path(__file__).parent / "corpus"
INPUTS = sorted(p for p in CORPUS.rglob("*") if p.is_file())


@pytest.mark.parametrize("path", INPUTS, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_it_is_taken_or_refused_by_one_line(path):
    targets.check(path.parent.name, path.read_bytes())


def test_every_target_has_inputs():
    assert {p.name for p in CORPUS.iterdir()} == set(targets.TARGETS)


@pytest.mark.parametrize("name", ["plan", "scene", "transcript"])
def test_a_search_for_records_begins_with_records(name, monkeypatch):
    found = []
    monkeypatch.setattr(targets, "encode", lambda record: found.append(record) or encode(record))
    targets.record((CORPUS / "record" / name).read_bytes())
    assert found


def test_a_search_for_answers_begins_with_a_plan_that_is_allowed(monkeypatch):
    verdicts = []
    check = targets.CHECKER.check
    monkeypatch.setattr(targets.CHECKER, "check", lambda plan: verdicts.append(check(plan)))
    targets.answer((CORPUS / "answer" / "plan").read_bytes())
    assert verdicts == [[]]


@pytest.mark.integration
def test_a_search_begins(tmp_path):
    pytest.importorskip("atheris", reason="make fuzz brings atheris")
    line = [sys.executable, str(CORPUS.with_name("fuzz.py")), "options", "-runs=1"]
    assert subprocess.run(line, cwd=tmp_path).returncode == 0
