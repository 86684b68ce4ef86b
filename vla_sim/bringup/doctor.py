"""What a run needs of the machine: one look for each, and what is missing costs what.

A look takes moments and changes nothing. What may take its process down (GL, Gazebo's libraries, a sound
library) is tried in a process of its own, all of them at once.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata, util
from pathlib import Path
from typing import Literal

import psutil

from vla_sim.common import loopback, process_priority
from vla_sim.common.assets import share_folder
from vla_sim.common.cpu_share import BUSY, CpuTimes
from vla_sim.common.errors import MissingError
from vla_sim.contract.records import Record, Text
from vla_sim.robot import facts
from vla_sim.simulation.registry import GL_NAMES

State = Literal["OK", "WARN", "FAIL"]
PACKAGE = Path(__file__).resolve().parents[1]
TESTED = ((3, 10), (3, 13))  # the first and the last Python
CORES = 2  # with fewer, simulated time falls behind the clock
MEMORY = 2000.0  # [MB] of all nodes together
SHARED_MEMORY = 250.0  # [MB]: a segment of 17 MB for each of eleven participants, and their ports
DISK = 200.0  # [MB] of a run with its pictures, many times over
NICE = -10  # of control and safety
CLOCK_TOLERANCE = 0.01  # [s] between the machine's clocks in `WINDOW`
OVERSLEPT = 0.005  # [s] of a short sleep: a quarter of control's period
WINDOW = 0.3  # [s] for which load and clocks are watched
PROBE_TIMEOUT = 20.0  # [s] for what is tried in a process of its own
SILENT = "no answer yet"
NO_SECURITY = b"This Fast DDS version doesn't have the security libraries"
"""What a middleware says, and holds, that was built without DDS security."""

GL_PROBE = """
from vla_sim.simulation.registry import import_mujoco
import_mujoco()
from vla_sim.simulation.mujoco.render import make_context
context = make_context(64, 64)
from OpenGL import GL
print(GL.glGetString(GL.GL_RENDERER).decode())
"""
GAZEBO_PROBE = """
import re
from vla_sim.simulation.gazebo.bindings import load_bindings
load_bindings()
found = re.search(r"libgz-sim8\\.so\\.([0-9.]+)", open("/proc/self/maps").read())
print(found.group(1) if found else "8")
"""
SOUND_PROBE = """
import sounddevice
kinds = []
for kind in ("input", "output"):
    try:
        kinds.append(sounddevice.query_devices(kind=kind)["name"])
    except (sounddevice.PortAudioError, ValueError):
        kinds.append("")
print("|".join(kinds))
"""
SOFTWARE = ("llvmpipe", "softpipe", "swrast", "swiftshader", "software")  # names of GL without hardware

HARMFUL: dict[str, tuple[Callable[[str], bool], State, str]] = {
    "ROS_DISCOVERY_SERVER": (bool, "FAIL", "nodes ask that server and do not find each other"),
    "ROS_SECURITY_STRATEGY": (lambda v: v == "Enforce", "WARN", "if security is on, keys are needed"),
    "ROS_DISTRO": (lambda v: v != "jazzy", "WARN", "a shell with another ROS may load its libraries"),
    "ROS_LOCALHOST_ONLY": (lambda v: v == "1", "WARN", "small buffers are used beside ours: images get lost"),
    "RMW_FASTRTPS_USE_QOS_FROM_XML": (lambda v: v == "1", "WARN", "delivery is not what the nodes ask for"),
    "FASTDDS_DEFAULT_PROFILES_FILE": (bool, "WARN", "it may stand before config/fastdds.xml"),
}  # fmt: skip
"""Variables that a run does not set itself: whether a value does harm, how much, and which. ROS_DOMAIN_ID,
RMW_IMPLEMENTATION and ROS_AUTOMATIC_DISCOVERY_RANGE are set for each run."""


class Finding(Record, frozen=True, kw_only=True):
    """One look. state: OK; WARN: a run is possible, with what `costs` says; FAIL: none is. found: what is
    there. advice: what to do."""

    what: Text
    state: State
    found: Text
    costs: Text = ""
    advice: Text = ""

    def __str__(self) -> str:
        return "; ".join(filter(None, [self.found, self.costs, self.advice]))


def ok(what: str, found: str) -> Finding:
    return Finding(what=what, state="OK", found=found)


def warn(what: str, found: str, costs: str, advice: str) -> Finding:
    return Finding(what=what, state="WARN", found=found, costs=costs, advice=advice)


def fail(what: str, found: str, costs: str, advice: str) -> Finding:
    return Finding(what=what, state="FAIL", found=found, costs=costs, advice=advice)


def examine() -> list[Finding]:
    """All looks, in order. One that breaks is a warning that says how."""
    gl, gazebo, sound = (Probe(code) for code in (GL_PROBE, GAZEBO_PROBE, SOUND_PROBE))
    looks: dict[str, Callable[[], Finding]] = {
        "Python": look_at_python, "wheels": look_at_wheels, "policy": look_at_policy,
        "kernels": look_at_kernels, "variables": look_at_variables, "loopback": look_at_loopback,
        "security": look_at_security, "shared memory": look_at_shared_memory, "memory": look_at_memory,
        "disk": look_at_disk, "cores": look_at_cores, "clocks": look_at_clocks,
        "priorities": look_at_priorities, "GL": lambda: look_at_gl(gl.answer()),
        "sound": lambda: look_at_sound(sound.answer()),
        "Gazebo": lambda: look_at_gazebo(gazebo.answer()),
    }  # fmt: skip
    try:
        return [_guarded(what, look) for what, look in looks.items()]
    finally:
        for probe in (gl, gazebo, sound):
            probe.close()


def possible(findings: list[Finding]) -> bool:
    """Whether the machine can run the stack."""
    return all(f.state != "FAIL" for f in findings)


def _guarded(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except Exception as error:  # the other looks are worth having
        why = f"cannot be looked at ({type(error).__name__}: {error})"
        return warn(what, why, "nothing is known of it", "try a run")


class Probe:
    """Python code in a process of its own, in this environment."""

    def __init__(self, code: str) -> None:
        self._deadline = time.monotonic() + PROBE_TIMEOUT
        path = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")]))
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def answer(self) -> tuple[str, str]:
        """(what it printed last, "") or ("", why it printed nothing)."""
        try:
            left = max(0.1, self._deadline - time.monotonic())
            out, err = self._process.communicate(timeout=left)
        except subprocess.TimeoutExpired:
            return "", SILENT
        if self._process.returncode == 0 and out.strip():
            return out.strip().splitlines()[-1], ""
        said = err.strip().splitlines() or [f"ended with {self._process.returncode}"]
        name, colon, words = said[-1].partition(": ")
        return "", words if colon and name.rpartition(".")[2].endswith("Error") else said[-1]

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def look_at_python() -> Finding:
    version, machine = sys.version_info[:2], platform.machine()
    found = f"{platform.python_version()} on {platform.system()} {machine}"
    if version < TESTED[0]:
        return fail("Python", found, "the package does not load", "make setup PYTHON=python3.11")
    if (platform.system(), machine) != ("Linux", "x86_64"):
        return warn("Python", found, "ROS 2 has wheels for Linux on x86-64 alone", "use a ROS installation")
    if version > TESTED[1]:
        last = ".".join(map(str, TESTED[1]))
        return warn("Python", found, f"tried up to {last}", f"make setup PYTHON=python{last}")
    return ok("Python", found)


def look_at_wheels() -> Finding:
    """Each line of the requirements against what is installed."""
    from packaging.requirements import Requirement

    files = ("requirements.txt", "requirements-data.txt")
    lines = [one for name in files for one in (share_folder("config") / name).read_text().splitlines()]
    wanted = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    wanted = [one for one in wanted if one.marker is None or one.marker.evaluate()]
    missing, other = [], []
    for one in wanted:
        try:
            version = metadata.version(one.name)
        except metadata.PackageNotFoundError:
            if not (one.name.startswith("ros-jazzy-") and util.find_spec("rclpy")):  # of a ROS installation
                missing.append(str(one).partition(";")[0])
            continue
        if not one.specifier.contains(version, prereleases=True):
            other.append(f"{one.name} {version} instead of {one.specifier}")
    if missing:
        return fail("wheels", f"missing: {', '.join(missing)}", "no node starts", "make setup")
    if other:
        return warn("wheels", ", ".join(other), "it was not tried with these", "make setup")
    return ok("wheels", f"{len(wanted)} as pinned")


def look_at_policy() -> Finding:
    from vla_sim.stages.control.policy import find_policy

    try:
        return ok("policy", f"{find_policy().name}, of the robot {facts.NAME}")
    except MissingError as error:
        return fail("policy", str(error), "the robot cannot walk", "make setup")


def look_at_kernels() -> Finding:
    """Where numba may keep what it compiles, and whether it is there, or has come with the package."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "numba"
    folders = [PACKAGE, cache]
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        folders.insert(0, Path(chosen))
    where = next((folder for folder in folders if writable(folder)), None)
    version = "*.py{}{}*.nbi".format(*sys.version_info)
    compiled = next((folder for folder in (where, PACKAGE) if folder and any(folder.rglob(version))), None)
    if compiled is not None:
        return ok("kernels", f"compiled, in {compiled}")
    if where is None:
        costs = "they go to a folder for temporary files, and the first start compiles, for minutes"
        return warn("kernels", "no folder can be written", costs, "set NUMBA_CACHE_DIR to one that can")
    return warn("kernels", f"none in {where}", "the first start compiles, for minutes", "vla-sim warm")


def writable(folder: Path) -> bool:
    """Whether files can be made in a folder, or in the first one above it that is there."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def look_at_variables(environment: Mapping[str, str] = os.environ) -> Finding:
    set_ = {name: environment[name] for name in HARMFUL if environment.get(name)}
    bad = {name: value for name, value in set_.items() if HARMFUL[name][0](value)}
    if not bad:
        return ok("variables", "none of ROS's is in the way")
    states = [HARMFUL[name][1] for name in bad]
    return Finding(
        what="variables", state="FAIL" if "FAIL" in states else "WARN",
        found=", ".join(f"{name}={value}" for name, value in bad.items()),
        costs=", ".join(HARMFUL[name][2] for name in bad), advice=f"unset {' '.join(bad)}",
    )  # fmt: skip


def look_at_loopback() -> Finding:
    try:
        loopback.check()
    except MissingError as error:
        found, _, advice = str(error).partition("; ")
        return fail("loopback", found, "a run does not start", advice)
    return ok("loopback", "a datagram arrives")


def look_at_security(folders: Iterable[Path] = ()) -> Finding:
    """Whether the middleware can enforce rights; folders: where its libraries are, if not where they should
    be."""
    loaded = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    for folder in folders or (Path(sys.prefix) / "lib", *map(Path, filter(None, loaded))):
        library = folder / "librmw_fastrtps_shared_cpp.so"
        if library.exists():
            without = NO_SECURITY in library.read_bytes()
            words = "built without: whoever is in the ROS domain may publish anything"
            return ok("security", words if without else "the middleware can: config/sros2_policy.xml")
    return ok("security", "not known of this middleware")


def look_at_shared_memory(folder: Path = Path("/dev/shm")) -> Finding:
    slower, advice = "images go by UDP and get lost", "docker run --shm-size=1g, or mount -o remount,size=1g"
    if not writable(folder) or not folder.is_dir():
        return warn("shared memory", f"{folder} cannot be written", slower, advice)
    size = shutil.disk_usage(folder)
    free, total = size.free / 1e6, size.total / 1e6
    found = f"{free:.0f} of {total:.0f} MB free"
    if free < SHARED_MEMORY:
        return warn("shared memory", f"{found}; a run takes {SHARED_MEMORY:.0f}", slower, advice)
    return ok("shared memory", found)


def look_at_memory() -> Finding:
    free = psutil.virtual_memory().available / 1e6
    if free < MEMORY:
        costs = f"a run takes {MEMORY:.0f} MB, and Linux may end nodes"
        return warn("memory", f"{free:.0f} MB free", costs, "end other programs")
    return ok("memory", f"{free:.0f} MB free")


def look_at_disk() -> Finding:
    """Of the folder in which `runs` is made, and of the one for temporary files."""
    here, temporary = Path.cwd(), Path(tempfile.gettempdir())
    if not writable(temporary):
        return fail("disk", f"{temporary} cannot be written", "nodes cannot meet there", "set TMPDIR")
    free = shutil.disk_usage(here).free / 1e6
    if not writable(here):
        return warn("disk", f"{here} cannot be written", "a run leaves nothing there", "give --out FOLDER")
    if free < DISK:
        return warn("disk", f"{free:.0f} MB free", "records and journals break off", "make room, or --out")
    return ok("disk", f"{free:.0f} MB free in {here}")


def look_at_cores() -> Finding:
    before = CpuTimes.now()
    time.sleep(WINDOW)
    others = before.others(CpuTimes.now())
    cores = min(float(len(os.sched_getaffinity(0))), quota())
    found = f"{cores:g}, load {os.getloadavg()[0]:.1f}, {100 * others:.0f} % used by others"
    if cores < CORES:
        costs = "simulated time falls behind the clock, and latencies suffer"
        return warn("cores", found, costs, "--speed max plays in lock-step")
    if others > BUSY:
        costs = "latencies at the clock's pace are no verdict (exit code 6)"
        return warn("cores", found, costs, "end other programs, or --speed max")
    return ok("cores", found)


def quota(file: Path = Path("/sys/fs/cgroup/cpu.max")) -> float:
    """How many cores this container may use; infinite without a limit (cgroup v2, cpu.max)."""
    try:
        most, period = file.read_text().split()
        return float(most) / float(period)
    except (OSError, ValueError):  # no container, or "max"
        return float("inf")


def look_at_clocks() -> Finding:
    """Resolution of the steady clock, whether the wall clock goes with it, how late a sleeper wakes."""
    resolution = time.get_clock_info("monotonic").resolution
    steady, wall, late = time.monotonic(), time.time(), []
    while time.monotonic() - steady < WINDOW:
        began = time.monotonic()
        time.sleep(0.001)
        late.append(time.monotonic() - began - 0.001)
    jump = (time.time() - wall) - (time.monotonic() - steady)
    median = statistics.median(late)
    found = f"steady to {1e9 * resolution:.0f} ns, a sleep {1e3 * median:.1f} ms late"
    if resolution > 0.001:
        return warn("clocks", found, "latencies are not measured to 1 ms", "look at the clock source")
    if abs(jump) > CLOCK_TOLERANCE:
        jumped = f"the wall clock went {1e3 * jump:+.0f} ms astray in {WINDOW:g} s"
        return warn("clocks", jumped, "dates in records are wrong; control is not", "look at NTP")
    if median > OVERSLEPT:
        return warn("clocks", found, "control at 50 Hz loses turns", "end other programs, or --speed max")
    return ok("clocks", found)


def look_at_priorities() -> Finding:
    if process_priority.allowed(NICE):
        return ok("priorities", f"niceness {NICE} is allowed")
    costs = "control and safety do not go before other programs"
    advice = "USER - nice -10 in /etc/security/limits.conf"
    return warn("priorities", f"niceness {NICE} is not allowed", costs, advice)


def look_at_gl(answer: tuple[str, str]) -> Finding:
    renderer, why = answer
    kind = os.environ.get("MUJOCO_GL", "").lower()
    if kind and kind not in GL_NAMES:
        known = ", ".join(GL_NAMES)
        return fail("GL", f"MUJOCO_GL={kind}", "a run is refused", f"unset it, or one of {known}")
    if why == SILENT:
        return warn("GL", why, "it is not known whether there is one", "look again on a less busy machine")
    if why:
        return warn(
            "GL", f"none ({why.partition('; ')[0]})" if kind != "disable" else "turned off by MUJOCO_GL",
            "images are ray cast: 25 ms of a core each", "apt install libegl1 libgl1-mesa-dri",
        )  # fmt: skip
    if any(name in renderer.lower() for name in SOFTWARE):
        costs = "a core draws the images; Gazebo's own sensors do not keep up"
        return warn("GL", f"in software: {renderer}", costs, "a graphics driver with EGL")
    return ok("GL", renderer)


def look_at_sound(answer: tuple[str, str]) -> Finding:
    devices, why = answer
    microphone, _, speaker = devices.partition("|")
    if microphone and speaker:
        return ok("sound", f"microphone {microphone}, speaker {speaker}")
    missing = why or " and ".join(["no microphone"] * (not microphone) + ["no speaker"] * (not speaker))
    costs = "no --mic, and the robot's voice goes to files; what vla-sim run says itself needs no device"
    return warn("sound", missing, costs, "apt install libportaudio2, and a device")


def look_at_gazebo(answer: tuple[str, str]) -> Finding:
    version, why = answer
    if not why:
        return ok("Gazebo", f"gz-sim {version}")
    costs = "--engine gazebo does not work; MuJoCo does"
    return warn("Gazebo", why.partition("; ")[0], costs, "install Gazebo Harmonic (docs/gazebo.md)")
