"""The copies of world and robot files that Gazebo loads: unpaced, without what costs time and is unused."""

import warnings
from pathlib import Path
from typing import Any

from lxml import etree

from vla_sim.simulation.physics_step import physics_step
from vla_sim.world import world_file
from vla_sim.world.sdf.reader import robot_instead
from vla_sim.world.sdf.values import SdfWarning

SENSORS = "gz-sim-sensors-system"
UNUSED = (
    SENSORS, "gz-sim-imu-system", "gz-sim-joint-state-publisher-system",
    "gz-sim-odometry-publisher-system",
)  # fmt: skip
FOR_GUI = ("gz-sim-scene-broadcaster-system", "gz-sim-user-commands-system")
OWN = 0x02
"""Visibility flag of the robot's own visuals."""
PHYSICS = "gz-sim-physics-system"
POLICIES = "{http://gazebosim.org/schema}policies"


def prepared(path: Path, gui: bool = False, render: str = "") -> bytes:
    """The world file as Gazebo gets it: with the process's robot, unpaced, without the systems to which
    nothing here listens, which would be called at every step. gui: with what a GUI needs. render: with
    sensors by this render engine."""
    root = _parsed(path)
    with warnings.catch_warnings():  # said already by the simulator, which has read it as well
        warnings.simplefilter("ignore", SdfWarning)
        whole = world_file.load(path)
        step = physics_step(whole)
    world_file.completed(root.find("world"), whole)
    for size in root.iterfind("world/physics/max_step_size"):
        size.text = f"{step:.9g}"
    for include in root.iterfind("world/include"):
        robot = robot_instead(str(include.findtext("uri")))
        for tag, text in (("uri", f"model://{robot}"), ("name", robot)) if robot else ():
            found = include.find(tag)
            (etree.SubElement(include, tag) if found is None else found).text = text
    for plugin in root.iterfind("world/plugin"):
        file = str(plugin.get("filename", ""))
        if render and SENSORS in file:
            for old in plugin.findall("render_engine"):
                plugin.remove(old)
            etree.SubElement(plugin, "render_engine").text = render
        elif any(name in file for name in (*UNUSED, *(() if gui else FOR_GUI))):
            plugin.getparent().remove(plugin)
        elif PHYSICS in file and plugin.find("contacts") is None:
            # Names are put together anew for each contact of each step: a quarter of all time (measured).
            etree.SubElement(etree.SubElement(plugin, "contacts"), "include_entity_names").text = "false"
    for physics in root.iterfind("world/physics"):
        dart = physics.find("dart")
        if dart is None:
            dart = etree.SubElement(physics, "dart")
        if dart.find("solver") is None:
            # Eight contact points hold a box where three would do. The default, Dantzig, answers with forces
            # in few of them and others each step, until a box between fingers with 22 N swings out of them
            # within 40 s; projected Gauss-Seidel shares them and holds it within 4 mm, as MuJoCo does.
            etree.SubElement(etree.SubElement(dart, "solver"), "solver_type").text = "pgs"
    for factor in root.iterfind("world/physics/real_time_factor"):
        factor.text = "0"
    for world in root.iterfind("world"):
        if world.find(POLICIES) is None:
            # Else each step wakes a thread a system and waits for it: a sixth of all CPU time, and far more
            # of the clock where other processes keep the cores busy (measured).
            policies = etree.SubElement(world, POLICIES, nsmap={"gz": "http://gazebosim.org/schema"})
            etree.SubElement(policies, "parallel_postupdates").text = "false"
    return bytes(etree.tostring(root))


def prepared_robot(path: Path, step: float, native: bool = False) -> bytes:
    """The robot's file as Gazebo gets it: without publishers to which nothing listens, and without the dry
    friction of its joints (0.1 Nm, against some Nms/rad of damping): in DART every such joint is a row of
    the contact problem, and 29 of them a fifth of all time (measured).

    The joints' damping D leaves DART too, which takes it implicitly in the free motion but not in the answer
    to contacts: a standing robot then leans forward against a moment of 7 Nm that nothing exerts, and a
    finger that pushes with 22 N holds with 22 N * m / (m + step * D). The server applies it as an explicit
    force. With step * D on a revolute joint's inertia that is stable: what MuJoCo's (M + h D) a = f - D v
    does. A sliding link gets no more mass, which would weigh; it is stable while step * D is not above its
    mass. step [s]: of the physics. native: with a lidar that does not
    look for its own robot and sensors without noise, which is drawn here, the same on every simulator."""
    root = _parsed(path)
    if native:
        for visual in root.iterfind(".//link/visual"):
            if visual.find("visibility_flags") is None:
                etree.SubElement(visual, "visibility_flags").text = str(OWN)
        for lidar in root.iterfind(".//sensor/lidar"):
            if lidar.find("visibility_mask") is None:
                etree.SubElement(lidar, "visibility_mask").text = str(0xFFFFFFFF & ~OWN)
        for noise in [*root.iterfind(".//sensor/camera/noise"), *root.iterfind(".//sensor/lidar/noise")]:
            noise.getparent().remove(noise)
    for plugin in list(root.iterfind(".//plugin")):
        if any(name in str(plugin.get("filename", "")) for name in UNUSED):
            plugin.getparent().remove(plugin)
    for friction in root.iterfind(".//joint/axis/dynamics/friction"):
        friction.text = "0"
    inertias = {link.get("name"): link.find("inertial/inertia") for link in root.iterfind(".//link")}
    for joint in root.iterfind(".//joint"):
        damping, inertia = joint.find("axis/dynamics/damping"), inertias.get(joint.findtext("child"))
        if damping is None or inertia is None:
            continue
        if joint.get("type") == "prismatic":
            damping.text = "0"
            continue
        axis = [float(v) for v in joint.findtext("axis/xyz").split()]
        for name, along in zip(("ixx", "iyy", "izz"), axis, strict=True):
            entry = inertia.find(name)
            # Half as much across the axis, else the three are no inertia (triangle inequality).
            more = step * float(damping.text) * (0.5 + 0.5 * along**2)
            entry.text = f"{float(entry.text) + more:.9g}"
        damping.text = "0"
    return bytes(etree.tostring(root))


def _parsed(path: Path) -> Any:
    return etree.fromstring(path.read_bytes(), etree.XMLParser(resolve_entities=False, no_network=True))
