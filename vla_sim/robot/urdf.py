"""The robot as a URDF, made from its SDF: for /robot_description, RViz and whoever reads URDF alone.

Format: http://wiki.ros.org/urdf/XML. What it has no shape for is made of those it has: a capsule is a
cylinder and two spheres, an ellipsoid the sphere of its mean radius, a convex piece of a mesh the box around
it. What is only seen of a mesh stays the file that it is.
"""

import math
from collections.abc import Iterator

import numpy as np
from lxml import etree

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array, inverse, quaternion_from_rotation, rpy_from_quaternion, transform
from vla_sim.robot import frame_tree
from vla_sim.robot.kinematics import Kinematics
from vla_sim.world.sdf import elements

JOINTS = {"revolute": "revolute", "prismatic": "prismatic", "continuous": "continuous", "fixed": "fixed"}
UNLIMITED = 1e3
"""[Nm], [N], [rad/s], [m/s] of a joint without a limit: URDF wants a number."""


def urdf(kinematics: Kinematics) -> str:
    """Links, joints, masses, and shapes as primitives. The root is `base_link`; frames and sensors are links
    without a body, where `kinematics` has them. Raises `InputError` for a joint that URDF has not."""
    model = kinematics.model
    robot = etree.Element("robot", name=model.name)
    # A URDF's link frame is that of the joint which moves it.
    offset = {joint.child: inverse(joint.pose_in_child) for joint in model.joints}
    for link in model.links:
        robot.append(_link(link, offset.get(link.name, np.eye(4))))
    for joint in model.joints:
        robot.append(_joint(joint, offset.get(joint.parent, np.eye(4)) @ joint.pose_in_parent))
    for parent, child, pose in frame_tree.fixed(kinematics):
        if any(joint.child == child for joint in model.joints):
            continue
        if child in {link.name for link in model.links}:  # the base's own
            etree.SubElement(robot, "link", name=parent)
        else:
            etree.SubElement(robot, "link", name=child)
            pose = offset.get(parent, np.eye(4)) @ pose
        _attach(robot, f"{child}_fixed", "fixed", parent, child, pose)
    return str(etree.tostring(robot, pretty_print=True, encoding="unicode"))


def _link(link: elements.Link, offset: Array) -> etree._Element:
    out = etree.Element("link", name=link.name)
    inertial = etree.SubElement(out, "inertial")
    _origin(inertial, offset @ link.inertial.pose)
    etree.SubElement(inertial, "mass", value=_text(link.inertial.mass))
    i = link.inertial.inertia
    names = {"ixx": i[0, 0], "ixy": i[0, 1], "ixz": i[0, 2], "iyy": i[1, 1], "iyz": i[1, 2], "izz": i[2, 2]}
    etree.SubElement(inertial, "inertia", {name: _text(value) for name, value in names.items()})
    for visual in link.visuals:
        for k, (pose, shape) in enumerate(_shapes(visual.geometry)):
            one = etree.SubElement(out, "visual", name=f"{visual.name}_{k}")
            _origin(one, offset @ visual.pose @ pose)
            etree.SubElement(one, "geometry").append(shape)
            # Named by its link as well: a name means one colour in a whole file.
            material = etree.SubElement(one, "material", name=f"{link.name}_{visual.name}")
            etree.SubElement(material, "color", rgba=_text(*visual.material.diffuse))
    for collision in link.collisions:
        for k, (pose, shape) in enumerate(_shapes(collision.geometry)):
            one = etree.SubElement(out, "collision", name=f"{collision.name}_{k}")
            _origin(one, offset @ collision.pose @ pose)
            etree.SubElement(one, "geometry").append(shape)
    return out


def _shapes(geometry: elements.Geometry) -> Iterator[tuple[Array, etree._Element]]:
    """(4, 4) pose in the shape's frame, and URDF's element. A plane has none."""
    size = geometry.size
    here = np.eye(4)
    if geometry.shape in ("box", "hull"):
        yield here, etree.Element("box", size=_text(*size))
    elif geometry.shape == "sphere":
        yield here, etree.Element("sphere", radius=_text(size[0]))
    elif geometry.shape == "ellipsoid":
        yield here, etree.Element("sphere", radius=_text(float(np.mean(size))))
    elif geometry.shape in ("cylinder", "capsule"):
        yield here, etree.Element("cylinder", radius=_text(size[0]), length=_text(size[1]))
        if geometry.shape == "capsule":
            for end in (-0.5, 0.5):
                yield (transform((0.0, 0.0, end * size[1])), etree.Element("sphere", radius=_text(size[0])))
    elif geometry.mesh is not None and geometry.part == 0:  # each part names its whole file
        yield here, etree.Element("mesh", filename=geometry.mesh.resolve().as_uri(), scale=_text(*size))


def _joint(joint: elements.Joint, pose: Array) -> etree._Element:
    """pose: (4, 4) in the parent's frame."""
    if joint.type not in JOINTS:
        raise InputError(f"{joint.where}: {joint.name} is {joint.type}; URDF has {', '.join(JOINTS)}")
    out = etree.Element("joint", name=joint.name, type=JOINTS[joint.type])
    axis = joint.axis
    if axis is not None and joint.type == "revolute" and not math.isfinite(axis.upper - axis.lower):
        out.set("type", "continuous")
    _origin(out, pose)
    etree.SubElement(out, "parent", link=joint.parent)
    etree.SubElement(out, "child", link=joint.child)
    if axis is not None and joint.type != "fixed":
        etree.SubElement(out, "axis", xyz=_text(*axis.xyz))
        limit = etree.SubElement(out, "limit")
        for name in ("lower", "upper") if out.get("type") != "continuous" else ():
            limit.set(name, _text(getattr(axis, name)))
        for name in ("effort", "velocity"):
            limit.set(name, _text(min(getattr(axis, name), UNLIMITED)))
        etree.SubElement(out, "dynamics", damping=_text(axis.damping), friction=_text(axis.friction))
    return out


def _attach(robot: etree._Element, name: str, kind: str, parent: str, child: str, pose: Array) -> None:
    joint = etree.SubElement(robot, "joint", name=name, type=kind)
    _origin(joint, pose)
    etree.SubElement(joint, "parent", link=parent)
    etree.SubElement(joint, "child", link=child)


def _origin(of: etree._Element, pose: Array) -> None:
    angles = rpy_from_quaternion(quaternion_from_rotation(pose[:3, :3]))
    etree.SubElement(of, "origin", xyz=_text(*pose[:3, 3]), rpy=_text(*angles))


def _text(*values: float) -> str:
    return " ".join(f"{float(value):.9g}" for value in values)
