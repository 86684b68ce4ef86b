import os
import subprocess
import sys
from pathlib import Path

import pytest

from vla_sim.common.errors import InputError
from vla_sim.common.files import own, runtime_folder, user_path, write_whole


def test_a_file_is_written_with_the_folders_on_the_way(tmp_path):
    write_whole(tmp_path / "a" / "b.json", b"{}")
    assert (tmp_path / "a" / "b.json").read_bytes() == b"{}"
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.json"]


def test_what_cannot_be_written_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "b.json"
    write_whole(path, b"old")
    monkeypatch.setattr("os.replace", _full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["b.json"]


def _full(*_):
    raise OSError(28, "No space left on device")


def test_the_folder_is_this_users_alone():
    folder = runtime_folder()
    assert folder.stat().st_uid == os.getuid()
    assert folder.stat().st_mode & 0o077 == 0


def test_a_home_is_put_in_where_there_is_one(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert user_path("~/runs") == Path("/home/me/runs")
    assert user_path("~nobody-of-this-name/runs") == Path("~nobody-of-this-name/runs")


def test_a_path_that_is_too_long_is_one_line():
    with pytest.raises(InputError, match=r"^x{300}: cannot be used: File name too long$"):
        user_path("x" * 300)


WRITER = """
import sys
from pathlib import Path
from vla_sim.common.files import own
own(Path(sys.argv[1]))
print("mine", flush=True)
input()
"""


@pytest.mark.integration
def test_a_folder_of_results_has_one_writer_until_that_ends(tmp_path):
    folder = tmp_path / "runs" / "a"
    line = [sys.executable, "-c", WRITER, str(folder)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"mine\n"
        with pytest.raises(InputError, match=rf"a is written by process {writer.pid}; choose another"):
            own(folder)
        writer.kill()
    own(folder)
    own(folder)  # what this process owns already
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot write to .*file/runs: Not a directory; choose another"):
        own(tmp_path / "file" / "runs")


def test_a_scratch_folder_lives_as_long_as_its_process():
    code = (
        "from vla_sim.common.files import scratch_folder; one = scratch_folder(); (one / 'x').touch(); "
        "print(one, one.is_dir())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    path, was_there = said.split()
    assert was_there == "True"
    assert not Path(path).exists()
