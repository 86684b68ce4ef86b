"""Each look at the machine finds what is missing, says what it costs, and finds nothing where all is well."""

import json
import os
import resource
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from vla_sim.bringup import doctor
from vla_sim.cli import main
from vla_sim.common.cpu_share import CpuTimes
from vla_sim.common.errors import MissingError

CORES = os.cpu_count() or 1


def says(found, state, *words):
    """A finding of this state that tells what costs what and what to do."""
    assert found.state == state, found
    assert state == "OK" or (found.costs and found.advice)
    assert "\n" not in str(found)
    for word in words:
        assert word in str(found)


def disk(monkeypatch, free):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: SimpleNamespace(total=64e6, free=free))


def usage(monkeypatch, others):
    """Readings of a machine of which other programs use this share."""
    readings = iter([CpuTimes(0.0, 0.0, 0.0), CpuTimes(10.0, 10.0 * CORES * others, 0.0)])
    monkeypatch.setattr(doctor.CpuTimes, "now", lambda: next(readings))
    monkeypatch.setattr(doctor, "WINDOW", 0.01)


def test_a_python_that_nobody_tried(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 9, 2))
    says(doctor.look_at_python(), "FAIL", "make setup PYTHON=")
    monkeypatch.setattr(doctor.sys, "version_info", (3, 99, 0))
    says(doctor.look_at_python(), "WARN", "tried up to 3.13")
    monkeypatch.setattr(doctor.sys, "version_info", (3, 12, 0))
    says(doctor.look_at_python(), "OK")
    monkeypatch.setattr(doctor.platform, "machine", lambda: "aarch64")
    says(doctor.look_at_python(), "WARN", "aarch64")


def test_wheels_that_are_missing_or_others(monkeypatch):
    says(doctor.look_at_wheels(), "OK", "as pinned")
    real = metadata.version
    monkeypatch.setattr(doctor.metadata, "version", lambda name: "9.9" if name == "msgspec" else real(name))
    says(doctor.look_at_wheels(), "WARN", "msgspec 9.9 instead of ==")

    def gone(name):
        if name in ("mujoco", "ros-jazzy-rclpy"):
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(doctor.metadata, "version", gone)
    says(doctor.look_at_wheels(), "FAIL", "missing: mujoco==", "make setup")
    assert "rclpy" not in doctor.look_at_wheels().found  # it can be imported: of a ROS installation


def test_a_policy_that_is_missing(monkeypatch):
    says(doctor.look_at_policy(), "OK", ".onnx")
    monkeypatch.setattr("vla_sim.stages.control.policy.importlib.util.find_spec", lambda name: None)
    says(doctor.look_at_policy(), "FAIL", "holosoma-inference")


def test_kernels_need_a_folder_and_a_first_start(monkeypatch, tmp_path):
    package, chosen = tmp_path / "package", tmp_path / "chosen"
    package.mkdir()
    chosen.mkdir()
    monkeypatch.setattr(doctor, "PACKAGE", package)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(chosen))
    says(doctor.look_at_kernels(), "WARN", "vla-sim warm")
    name = "a.b-1.py{}{}.nbi".format(*sys.version_info)
    (chosen / name.replace("py3", "py2")).write_text("")  # another Python's
    says(doctor.look_at_kernels(), "WARN", "vla-sim warm")
    (chosen / name).write_text("")
    says(doctor.look_at_kernels(), "OK", str(chosen))
    monkeypatch.setattr(doctor, "writable", lambda folder: False)
    says(doctor.look_at_kernels(), "WARN", "set NUMBA_CACHE_DIR")
    (package / name).write_text("")  # as in a container that was warmed when it was built
    says(doctor.look_at_kernels(), "OK", str(package))


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("ROS_DISCOVERY_SERVER", "10.0.0.1:11811", "FAIL"),
        ("ROS_SECURITY_STRATEGY", "Enforce", "WARN"),
        ("ROS_SECURITY_ENABLE", "true", "OK"),
        ("ROS_DISTRO", "humble", "WARN"),
        ("ROS_DISTRO", "jazzy", "OK"),
        ("ROS_LOCALHOST_ONLY", "1", "WARN"),
        ("ROS_DOMAIN_ID", "7", "OK"),
    ],
)
def test_variables_that_break_a_run(name, value, state):
    found = doctor.look_at_variables({name: value, "HOME": "/root"})
    says(found, state, *([f"{name}={value}", f"unset {name}"] if state != "OK" else []))


def test_a_dead_loopback(monkeypatch):
    says(doctor.look_at_loopback(), "OK")

    def dead():
        raise MissingError("the loopback interface does not work; bring it up: ip link set lo up")

    monkeypatch.setattr(doctor.loopback, "check", dead)
    says(doctor.look_at_loopback(), "FAIL", "ip link set lo up")


def test_shared_memory_that_is_small_or_not_there(monkeypatch, tmp_path):
    disk(monkeypatch, 64e6)
    says(doctor.look_at_shared_memory(tmp_path), "WARN", "64 of 64 MB free", "--shm-size")
    disk(monkeypatch, 2e9)
    says(doctor.look_at_shared_memory(tmp_path), "OK")
    says(doctor.look_at_shared_memory(tmp_path / "none"), "WARN", "cannot be written")


def test_little_memory(monkeypatch):
    memory = SimpleNamespace(available=500e6)
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: memory)
    says(doctor.look_at_memory(), "WARN", "500 MB free")
    memory.available = 8e9
    says(doctor.look_at_memory(), "OK")


def test_a_full_disk_and_folders_that_cannot_be_written(monkeypatch):
    disk(monkeypatch, 50e6)
    says(doctor.look_at_disk(), "WARN", "50 MB free")
    disk(monkeypatch, 9e9)
    says(doctor.look_at_disk(), "OK")
    monkeypatch.setattr(doctor, "writable", lambda folder: folder != Path.cwd())
    says(doctor.look_at_disk(), "WARN", "--out")
    monkeypatch.setattr(doctor, "writable", lambda folder: False)
    says(doctor.look_at_disk(), "FAIL", "TMPDIR")


def test_few_cores_and_busy_ones(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "quota", lambda: float("inf"))
    monkeypatch.setattr(doctor.os, "sched_getaffinity", lambda _: range(4))
    usage(monkeypatch, 0.05)
    says(doctor.look_at_cores(), "OK", "4, load", "5 % used by others")
    usage(monkeypatch, 0.97)
    says(doctor.look_at_cores(), "WARN", "97 % used by others", "exit code 6")
    usage(monkeypatch, 0.05)
    monkeypatch.setattr(doctor, "quota", lambda: 1.5)
    says(doctor.look_at_cores(), "WARN", "1.5, load", "--speed max")


def test_the_quota_of_a_container(tmp_path):
    file = tmp_path / "cpu.max"
    assert doctor.quota(file) == float("inf")
    file.write_text("max 100000\n")
    assert doctor.quota(file) == float("inf")
    file.write_text("150000 100000\n")
    assert doctor.quota(file) == 1.5


def test_clocks_that_are_coarse_jump_or_oversleep(monkeypatch):
    clock = SimpleNamespace(now=0.0, rate=1.0, late=0.0, resolution=1e-9)

    def sleep(seconds):
        clock.now += seconds + clock.late

    fake = SimpleNamespace(
        monotonic=lambda: clock.now, time=lambda: 1e9 + clock.now * clock.rate, sleep=sleep,
        get_clock_info=lambda _: clock,
    )  # fmt: skip
    monkeypatch.setattr(doctor, "time", fake)
    says(doctor.look_at_clocks(), "OK", "1 ns")
    clock.late = 0.02
    says(doctor.look_at_clocks(), "WARN", "a sleep 20.0 ms late")
    clock.late, clock.rate = 0.0, 3.0
    says(doctor.look_at_clocks(), "WARN", "the wall clock went +60", "NTP")
    clock.rate, clock.resolution = 1.0, 0.004
    says(doctor.look_at_clocks(), "WARN", "not measured to 1 ms")


def test_priorities_that_are_not_allowed(monkeypatch):
    monkeypatch.setattr(doctor.process_priority, "allowed", lambda nice: False)
    says(doctor.look_at_priorities(), "WARN", "limits.conf")
    monkeypatch.setattr(doctor.process_priority, "allowed", lambda nice: True)
    says(doctor.look_at_priorities(), "OK")


def test_gl_in_hardware_in_software_and_none(monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    says(doctor.look_at_gl(("NVIDIA GeForce RTX 4070/PCIe/SSE2", "")), "OK", "NVIDIA")
    says(doctor.look_at_gl(("llvmpipe (LLVM 15.0.6, 256 bits)", "")), "WARN", "in software: llvmpipe")
    says(doctor.look_at_gl(("", "no GL for MUJOCO_GL=egl")), "WARN", "ray cast", "libegl1")
    found = doctor.look_at_gl(("", "no GL for MUJOCO_GL=egl: no library; what the error advises"))
    assert found.found == "none (no GL for MUJOCO_GL=egl: no library)"  # what to do stands at the end, once
    says(doctor.look_at_gl(("", doctor.SILENT)), "WARN", "not known")
    monkeypatch.setenv("MUJOCO_GL", "nonsense")
    says(doctor.look_at_gl(("", "whatever")), "FAIL", "MUJOCO_GL=nonsense")


def test_sound_devices():
    says(doctor.look_at_sound(("Array|Speakers", "")), "OK", "microphone Array, speaker Speakers")
    says(doctor.look_at_sound(("|Speakers", "")), "WARN", "no microphone")
    says(doctor.look_at_sound(("", "PortAudio library not found")), "WARN", "PortAudio", "libportaudio2")


def test_gazebo_there_and_not():
    says(doctor.look_at_gazebo(("8.14.0", "")), "OK", "gz-sim 8.14.0")
    says(doctor.look_at_gazebo(("", "gz.math7 cannot be imported (No module named 'gz'); Gazebo")), "WARN",
         "gz.math7 cannot be imported", "MuJoCo does")  # fmt: skip


@pytest.mark.integration
@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("print('noise'); print('llvmpipe')", ("llvmpipe", "")),
        ("raise OSError('PortAudio library not found')", ("", "PortAudio library not found")),
        ("import os; os.abort()", ("", "ended with -6")),
        ("import time; time.sleep(60)", ("", doctor.SILENT)),
    ],
)
def test_a_probe_that_crashes_or_hangs_is_an_answer(monkeypatch, code, answer):
    if "sleep" in code:
        monkeypatch.setattr(doctor, "PROBE_TIMEOUT", 1.0)
    probe = doctor.Probe(code)
    assert probe.answer() == answer
    probe.close()


def test_a_look_that_breaks_does_not_hide_the_others(monkeypatch):
    def broken():
        raise RuntimeError("no such thing")

    monkeypatch.setattr(doctor, "look_at_memory", broken)
    monkeypatch.setattr(doctor, "Probe", lambda code: SimpleNamespace(answer=lambda: ("", "x"), close=print))
    found = {one.what: one for one in doctor.examine()}
    assert len(found) == 16
    says(found["memory"], "WARN", "RuntimeError: no such thing")


def test_the_exit_code_says_whether_a_run_is_possible(monkeypatch, capsys):
    good, poor = doctor.ok("cores", "2"), doctor.warn("GL", "none", "25 ms", "apt install")
    monkeypatch.setattr(doctor, "examine", lambda: [good, poor])
    assert main.main(["doctor"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "OK    cores          2",
        "WARN  GL             none; 25 ms; apt install",
        "a run is possible (1 warning)",
    ]
    monkeypatch.setattr(doctor, "examine", lambda: [good, doctor.fail("loopback", "down", "all", "lo up")])
    assert main.main(["doctor", "--json", "-"]) == 3
    said = capsys.readouterr()
    assert [one["state"] for one in json.loads(said.out)] == ["OK", "FAIL"]
    assert "no run is possible" in said.err


@pytest.mark.integration
def test_this_machine_is_looked_at():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "vla_sim.cli.main", "doctor", "--json", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 6.0  # [s] of one core
    found = {one["what"]: one for one in json.loads(done.stdout)}
    assert len(found) == 16
    assert done.returncode == (3 if any(one["state"] == "FAIL" for one in found.values()) else 0)
    assert found["loopback"]["state"] == "OK"
    assert "Traceback" not in done.stderr


def test_the_middleware_of_the_wheels_has_no_security_and_another_may(tmp_path):
    assert "not known" in doctor.look_at_security([tmp_path]).found
    library = tmp_path / "librmw_fastrtps_shared_cpp.so"
    for held, said in (
        (b"ELF", "the middleware can"),
        (b"..." + doctor.NO_SECURITY + b"...", "built without"),
    ):
        library.write_bytes(held)
        assert said in doctor.look_at_security([tmp_path]).found
    found = doctor.look_at_security()
    assert found.state == "OK"
