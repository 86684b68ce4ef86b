"""What is typed is read line by line, while what runs is looked after."""

import os

import pytest

from vla_sim.cli import common
from vla_sim.cli.common import typed_lines


def test_lines_come_as_they_are_typed_and_what_runs_is_looked_after_meanwhile():
    out, into = os.pipe()
    looks, got = [], []

    def check():
        looks.append(len(got))
        if len(looks) == 3:
            os.write(into, b" arm \nend\xff\n\nhal")
        elif len(looks) == 5:
            os.write(into, b"f")
            os.close(into)

    got.extend(typed_lines(check, out))
    os.close(out)
    assert got == ["arm", "end\N{REPLACEMENT CHARACTER}", "", "half"]
    assert len(looks) >= 5


def test_what_check_raises_ends_it():
    out, into = os.pipe()

    def check():
        raise RuntimeError("gone")

    try:
        with pytest.raises(RuntimeError, match="gone"):
            next(typed_lines(check, out))
    finally:
        os.close(out)
        os.close(into)


def test_commands_that_begin_in_one_second_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len({common.folder(None, "test-") for _ in range(3)}) == 3
    assert {path.parent.name for path in tmp_path.glob("runs/*")} == {"runs"}
