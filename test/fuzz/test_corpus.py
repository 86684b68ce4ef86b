"""What once broke a parser, and what a search begins with, is taken or refused by one line."""

import subprocess
import sys
from pathlib import Path

import pytest
import targets

CORPUS = Path(__file__).parent / "corpus"
INPUTS = sorted(p for p in CORPUS.rglob("*") if p.is_file())


@pytest.mark.parametrize("path", INPUTS, ids=lambda p: f"{p.parent.name}-{p.name}")
def test_it_is_taken_or_refused_by_one_line(path):
    targets.check(path.parent.name, path.read_bytes())


def test_every_target_has_inputs():
    assert {p.name for p in CORPUS.iterdir()} == set(targets.TARGETS)


@pytest.mark.integration
def test_a_search_begins(tmp_path):
    pytest.importorskip("atheris", reason="make fuzz brings atheris")
    line = [sys.executable, str(CORPUS.with_name("fuzz.py")), "options", "-runs=1"]
    assert subprocess.run(line, cwd=tmp_path).returncode == 0
