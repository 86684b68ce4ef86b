"""The wheel and the source distribution hold what the program reads, and nodes for `ros2 run`."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from vla_sim.bringup import node_table

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[1]
DATA = ("worlds", "models", "launch", "config", "test/scenarios")
READ_BY_SETUP = ("setup.py", "pyproject.toml", "package.xml", "README.md", "LICENSE", "vla_sim")
BUILD = """
import sys
from setuptools import build_meta
out = sys.argv[1]  # setuptools writes its own there
print(build_meta.build_sdist(out), build_meta.build_wheel(out))
"""


def files(*folders: str, without: tuple[str, ...] = ("__pycache__", "ament")) -> set[str]:
    """Of the checkout, relative to it."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in found if not set(without) & set(path.parts)}


def build(source: Path, out: Path) -> tuple[tarfile.TarFile, zipfile.ZipFile]:
    """The source distribution and the wheel."""
    line = [sys.executable, "-c", BUILD, str(out)]
    done = subprocess.run(line, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sdist, wheel = done.stdout.split()[-2:]
    return tarfile.open(out / sdist), zipfile.ZipFile(out / wheel)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """From a copy, since a build leaves folders behind and takes what an earlier one left."""
    source = tmp_path_factory.mktemp("source")
    for name in (*READ_BY_SETUP, *DATA):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, source / name)
    return build(source, tmp_path_factory.mktemp("built"))


def test_the_wheel_holds_every_module_and_what_modules_read(built):
    names = set(built[1].namelist())
    assert files("vla_sim") <= names


def test_the_wheel_holds_the_shared_files(built):
    names = {name.partition(".data/data/share/vla_sim/")[2] for name in built[1].namelist()}
    assert files(*DATA) | {"package.xml"} <= names


def test_every_node_can_be_found_by_ros2_run_and_started(built, tmp_path):
    found = [i for i in built[1].infolist() if ".data/data/lib/vla_sim/" in i.filename]
    assert {Path(i.filename).name for i in found} == {spec.name for spec in node_table.EVERY}
    assert all(i.external_attr >> 16 & 0o111 for i in found)
    program = tmp_path / "lib" / "vla_sim" / "safety"
    program.parent.mkdir(parents=True)
    program.write_bytes(built[1].read(next(i for i in found if i.filename.endswith("/safety"))))
    program.chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tmp_path / "bin" / "python3").chmod(0o755)
    done = subprocess.run(
        [program, "--ros-args", "-p", "word:=1"], env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, "error: safety has no parameter word" in done.stderr) == (2, True), done.stderr


def test_the_installed_wheel_finds_what_it_brings_from_any_folder(built, tmp_path):
    """In an environment of its own, to which only what it depends on is lent."""
    place, elsewhere = tmp_path / "env", tmp_path / "Müller's [robot] = 50% #1"
    elsewhere.mkdir()
    venv.create(place, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "--quiet"]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", built[1].filename], check=True)
    (site,) = place.glob("lib/python*/site-packages")
    (site / "lent.pth").write_text("\n".join(p for p in sys.path if p.endswith("site-packages")))
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}  # as cron has it
    code = "import vla_sim; print(vla_sim.__file__)"
    for line, expected in (
        ([place / "bin" / "vla-sim", "list"], "go_to_kitchen"),
        ([place / "bin" / "python", "-c", code], str(site)),
    ):
        done = subprocess.run(
            line, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, expected in done.stdout) == (0, True), done.stdout + done.stderr


def test_the_only_command_in_the_users_bin_folder_is_ours(built):
    entry = next(n for n in built[1].namelist() if n.endswith("entry_points.txt"))
    assert built[1].read(entry).decode().split() == [
        "[console_scripts]",
        "vla-sim",
        "=",
        "vla_sim.cli.main:main",
    ]


def test_the_source_distribution_builds_the_same_wheel(built, tmp_path):
    sdist, wheel = built
    sdist.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    (tmp_path / "again").mkdir()
    _, again = build(source, tmp_path / "again")
    assert set(again.namelist()) == set(wheel.namelist())
