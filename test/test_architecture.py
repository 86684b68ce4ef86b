"""Rules of the house that no single stage can break unnoticed."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
import textwrap
from functools import cache
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree

import pytest

import vla_sim
from vla_sim.bringup import node_table
from vla_sim.common.params import StageParams
from vla_sim.contract import topics

PACKAGE = Path(vla_sim.__file__).parent
ROOMS = (
    "common", "contract", "world", "robot", "report", "ros", "stages", "homes", "hardware", "simulation",
    "bringup", "monitor", "recording", "view", "scenario", "demonstrations", "bench", "tool_server", "cli",
)  # fmt: skip
"""The root of the package. A room may import itself and what stands before it here."""
COMPARED = {
    "hardware.self_filter": ("hardware/test_self_filter.py",),
    "robot.kinematics_kernels": ("robot/test_kinematics_kernels.py", "robot/test_kinematics.py"),
    "ros.cdr": ("ros/test_cdr.py",),
    "simulation.sensors.kernels": ("simulation/sensors/test_sensors_kernels.py",),
    "stages.manipulation.arm_collision": ("stages/manipulation/test_arm_planner.py",),
    "stages.manipulation.measured_grasp": ("stages/manipulation/test_measured_grasp.py",),
    "stages.navigation.costmap": ("stages/navigation/test_navigation_kernels.py",),
    "stages.navigation.distance_field": (
        "stages/navigation/test_navigation_kernels.py",
        "stages/navigation/test_distance_field.py",
    ),
    "stages.navigation.gait": ("stages/navigation/test_pose_filter.py",),
    "stages.navigation.global_planner": ("stages/navigation/test_navigation_kernels.py",),
    "stages.navigation.local_planner": ("stages/navigation/test_navigation_kernels.py",),
    "stages.navigation.localizer": ("stages/navigation/test_navigation_kernels.py",),
    "stages.perception.colour": ("stages/perception/test_perception_kernels.py",),
    "stages.perception.detector": ("stages/perception/test_connected_components.py",),
    "stages.perception.solid_fit": (
        "stages/perception/test_perception_kernels.py",
        "stages/perception/test_solids.py",
    ),
    "stages.perception.standing_things": ("stages/perception/test_standing_things.py",),
    "stages.perception.low_obstacles": ("stages/perception/test_low_obstacles.py",),
    "stages.perception.near_points": ("stages/perception/test_near_points.py",),
    "stages.perception.depth_scan": ("stages/perception/test_perception_kernels.py",),
    "stages.safety.arm_gate": ("stages/safety/test_arm_gate.py",),
    "stages.safety.gate": ("stages/safety/test_gate.py",),
    "stages.safety.surroundings": ("stages/safety/test_surroundings.py",),
}
"""Modules with compiled kernels, and where these are held against numpy, plain Python or MuJoCo."""
ROS_SIDE = {
    "node.py", "lidar_node.py", "microphone_node.py", "calibration_node.py", "mapping_node.py", "client.py",
    "launch_descriptions.py", "viewer.py", "body_host.py", "sensor_publishers.py", "robot_sensors.py",
    "reaction.py", "savings.py", "viewing.py", "fault_client.py", "fault_host.py", "parameter_client.py",
    "frame_publisher.py", "visitor.py", "peek.py", "stop_line.py", "images.py", "player.py", "replay.py",
}  # fmt: skip
STAGES = [spec.name for spec in node_table.STACK if spec.name != "engine"]


@cache
def files():
    """Every Python file of the package."""
    return sorted(PACKAGE.rglob("*.py"))


@cache
def tree(path):
    return ast.parse(path.read_text())


@cache
def nodes(path):
    """Every node of a file's syntax tree."""
    return list(ast.walk(tree(path)))


@cache
def imports(path):
    found = []
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
    return found


def room(path):
    return path.relative_to(PACKAGE).parts[0]


def test_the_root_of_the_package_holds_rooms_alone():
    found = {p.name for p in PACKAGE.iterdir() if p.name != "__pycache__"}
    assert found == {"__init__.py", "py.typed", *ROOMS}


def test_a_room_imports_only_what_stands_below_it():
    up = set()
    for path in files():
        if path.parent == PACKAGE:
            continue
        mine = ROOMS.index(room(path))
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "vla_sim" and len(parts) > 1 and ROOMS.index(parts[1]) > mine:
                up.add((str(path.relative_to(PACKAGE)), parts[1]))
    assert up == set()


def test_what_judges_a_run_imports_nothing_of_the_stage_that_reads_words():
    for path in (PACKAGE / "scenario").rglob("*.py"):
        assert not [name for name in imports(path) if name.startswith("vla_sim.stages.language")], path


def test_every_decoder_is_built_at_import():
    """msgspec crashes the interpreter if two threads build the decoder of one type at once."""
    for path in files():
        for function in nodes(path):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                continue
            for call in ast.walk(function):
                if isinstance(call, ast.Call):
                    name = ast.unparse(call.func)
                    typed = any(word.arg == "type" for word in call.keywords)
                    built = name.endswith(("json.Decoder", "msgpack.Decoder"))
                    built |= name.endswith(("json.decode", "msgpack.decode")) and typed
                    assert not built, f"{path}:{call.lineno}: build the decoder at import"


def test_no_constant_is_bound_twice():
    """The first value would be lost."""
    for path in files():
        bound = set()
        for node in tree(path).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for name in (n for t in targets if t is not None for n in ast.walk(t) if isinstance(n, ast.Name)):
                if isinstance(name.ctx, ast.Store) and name.id.isupper():
                    assert name.id not in bound, f"{path}:{name.lineno} binds {name.id} again"
                    bound.add(name.id)


def packages():
    return [path.parent for path in PACKAGE.rglob("__init__.py") if path.parent != PACKAGE]


def face(package):
    """The names in `__all__` of a package; None without one."""
    for node in ast.parse((package / "__init__.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return ast.literal_eval(node.value)
    return None


def test_a_package_lists_what_is_used_from_outside_it_and_nothing_else():
    used = {}
    for path in files():
        for node in nodes(path):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vla_sim"):
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                parts = name.split(".")[1:]
                for i in range(1, len(parts)):
                    package = PACKAGE.joinpath(*parts[:i])
                    if package not in path.parents:
                        used.setdefault(package, set()).add(parts[i])
    for package in packages():
        listed = face(package)
        assert listed is not None, f"{package} has no __all__"
        there = {p.stem for p in package.glob("*.py")} - {"__init__", "__main__"}
        there |= {p.parent.name for p in package.glob("*/__init__.py")}
        assert listed == sorted(listed), package
        assert set(listed) <= there, f"{package} lists {set(listed) - there}, which is not there"
        missing = (used.get(package, set()) & there) - set(listed)
        assert not missing, f"{package} does not list {missing}, used from outside"


def test_no_pure_core_imports_ros():
    for path in files():
        if path.name in ROS_SIDE or room(path) == "ros":
            continue
        ros = r"rclpy|vla_sim\.ros\.stage_node$|\w+_msgs\b|std_srvs"
        found = [m for m in imports(path) if re.match(ros, m)]
        assert not found, f"{path} imports {found}"


@pytest.mark.integration
@pytest.mark.parametrize("stage", [s for s in STAGES if s != "safety"])
def test_the_core_of_a_stage_loads_without_ros(stage):
    """Also not by way of another module: rclpy is hidden, and every core file must still import."""
    files = [p for p in (PACKAGE / "stages" / stage).rglob("*.py") if p.name not in ROS_SIDE]
    modules = [".".join(p.relative_to(PACKAGE.parent).with_suffix("").parts) for p in files]
    code = "import sys; sys.modules['rclpy'] = None\n" + "\n".join(f"import {m}" for m in modules)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def _distributions(file):
    """Names of the packages that a file of requirements has, as pip compares them."""
    lines = (PACKAGE.parent / "config" / file).read_text().splitlines()
    return {_normal(re.split(r"[=<>;\[ ]", line)[0]) for line in lines if line and not line.startswith("#")}


def _normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.integration
def test_every_node_of_the_stack_loads_with_what_a_plain_installation_brings():
    """What the extras and the tests bring besides is hidden."""
    more = _distributions("requirements-dev.txt") - _distributions("requirements.txt")
    modules = metadata.packages_distributions().items()
    hidden = [name for name, owners in modules if more & {_normal(one) for one in owners}]
    assert {"trimesh", "aiohttp"} <= set(hidden)
    code = f"import sys\nsys.modules.update(dict.fromkeys({hidden!r}))\n"
    code += "\n".join(f"import {spec.module}" for spec in node_table.STACK)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_no_stage_listens_to_the_simulators_truth():
    truth = {name for name, t in vars(topics).items() if isinstance(t, topics.Topic) and t.truth}
    assert truth == {"GROUND_TRUTH", "CONTACTS", "DISTURB", "FAULTS", "FAULT_REQUEST"}
    for stage in STAGES:
        for path in (PACKAGE / "stages" / stage).rglob("*.py"):
            text = path.read_text()
            for name in truth:
                assert name not in text, f"{path} names {name}"
            assert "/sim/" not in text, f"{path} names a simulation topic"
            assert ".truth()" not in text, f"{path} asks the engine for the truth"


def test_every_topic_is_named_in_the_contract_alone():
    names = {t.name for t in topics.TOPICS}
    assert len(names) == len(topics.TOPICS)
    for path in files():
        if path == PACKAGE / "contract" / "topics.py":
            continue
        strings = {
            n.value for n in nodes(path)
            if isinstance(n, ast.Constant) and isinstance(n.value, str)
        }  # fmt: skip
        assert not strings & names, f"{path} writes the topic {strings & names} itself"


def kept_by(tree):
    """Names of the attributes that code sets on `self`."""
    return {
        one.attr for one in ast.walk(tree)
        if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store)
        and isinstance(one.value, ast.Name) and one.value.id == "self"
    }  # fmt: skip


def test_no_node_sets_what_rclpy_and_its_base_keep_in_it():
    """A node's `_clock` is what rclpy stamps by."""
    pytest.importorskip("rclpy")
    node, stage_node = (importlib.import_module(name) for name in ("rclpy.node", "vla_sim.ros.stage_node"))
    theirs = kept_by(ast.parse(textwrap.dedent(inspect.getsource(node.Node))))
    base = kept_by(ast.parse(textwrap.dedent(inspect.getsource(stage_node.StageNode))))
    assert "_clock" in theirs
    assert not base & theirs
    private = {name for name in theirs | base if name.startswith("_")}
    classes = [
        (path, one) for path in files() for one in nodes(path)
        if isinstance(one, ast.ClassDef) and any("StageNode" in ast.unparse(b) for b in one.bases)
    ]  # fmt: skip
    assert len(classes) > 10
    for path, one in classes:
        assert not kept_by(one) & private, f"{path}: {one.name} sets {kept_by(one) & private}"


def test_every_node_of_the_table_has_a_main():
    for spec in node_table.STACK:
        path = PACKAGE / Path(*spec.module.split(".")[1:]).with_suffix(".py")
        assert "def main() -> int:" in path.read_text(), spec


def test_every_node_has_the_parameters_that_the_table_says():
    pytest.importorskip("rclpy")
    for spec in node_table.STACK:
        assert issubclass(spec.params, StageParams)
        assert spec.params in vars(importlib.import_module(spec.module)).values(), spec.name


def test_kernels_are_compiled_one_way_and_each_is_compared_with_a_reference():
    found = set()
    for path in files():
        if path.name != "numba_cache.py":
            assert not any(name.split(".")[0] == "numba" for name in imports(path)), path
        if re.search(r"^@kernel\b", path.read_text(), re.M):
            found.add(".".join(path.relative_to(PACKAGE).with_suffix("").parts))
    assert found == set(COMPARED)
    for names in COMPARED.values():
        for name in names:
            assert (Path(__file__).parent / name).is_file(), name


def test_the_version_stands_in_one_place_and_the_manifest_agrees():
    manifest = ElementTree.parse(PACKAGE.parent / "package.xml").getroot()
    assert manifest.findtext("version") == vla_sim.__version__
    assert manifest.findtext("license") == "Apache-2.0"


def test_the_manifest_names_every_ros_package_that_is_used():
    manifest = ElementTree.parse(PACKAGE.parent / "package.xml").getroot()
    named = {one.text for kind in ("exec_depend", "test_depend") for one in manifest.iter(kind)}
    used = {name.split(".")[0] for path in files() for name in imports(path)}
    used |= {t.type.split("/")[0] for t in topics.TOPICS if isinstance(t.type, str)}
    ros = {n for n in used if re.match(r"rclpy$|rcl_|\w+_msgs$|\w+_interfaces$|std_srvs$|launch", n)}
    assert ros <= named
    assert "rclpy" in ros
    assert "launch_testing" in ros


def test_the_manifest_names_gazebos_packages_for_those_who_want_it():
    manifest = ElementTree.parse(PACKAGE.parent / "package.xml").getroot()
    wanted = {one.text for one in manifest.iter("exec_depend") if "gazebo" in one.get("condition", "")}
    modules = re.findall(r'"gz\.([a-z]+)\d+', (PACKAGE / "simulation" / "gazebo" / "bindings.py").read_text())
    assert wanted == {f"gz_{name}_vendor" for name in modules}
    assert len(wanted) == 4
