"""Reading SDF: what a link consists of."""

from dataclasses import replace
from typing import Any

import numpy as np

from vla_sim.common.geometry import Array, inverse
from vla_sim.world.sdf import elements
from vla_sim.world.sdf.values import Scope, Values

SIZES: dict[str, dict[str, int]] = {
    "box": {"size": 3}, "sphere": {"radius": 1}, "cylinder": {"radius": 1, "length": 1},
    "capsule": {"radius": 1, "length": 1}, "ellipsoid": {"radii": 3},
}  # fmt: skip
"""The elements of a shape that `Geometry.size` consists of, and how many numbers each has."""
MESHES = (".obj", ".stl")
DEFAULT_MASK = "0xFF"
"""What libsdformat takes for a missing <collide_bitmask>; its own specification says 65535."""


class Links(Values):
    """Reads links with their collisions, visuals, sensors and lights."""

    def link(self, element: Any, scope: Scope) -> elements.Link:
        self.check(element)
        name = self.name(element)
        pose = scope.pose(name, element)
        base = inverse(pose)
        return elements.Link(
            name=name, pose=pose, inertial=self.inertial(element, scope, base),
            gravity=self.boolean(element, "gravity", True),
            collisions=tuple(
                filter(None, (self.collision(e, scope, base) for e in element.iterfind("collision")))
            ),
            visuals=tuple(filter(None, (self.visual(e, scope, base) for e in element.iterfind("visual")))),
            sensors=tuple(self.sensor(e, name, scope, base) for e in element.iterfind("sensor")),
            lights=tuple(self.light(e, scope, base) for e in element.iterfind("light")),
            where=self.where(element),
        )  # fmt: skip

    def local(self, element: Any, scope: Scope, base: Array) -> Array:
        """Pose in the link (whose inverse pose is `base`) of something inside it."""
        pose, relative_to = self.pose(element)
        return base @ scope.pose(relative_to, element) @ pose if relative_to else pose

    def inertial(self, link: Any, scope: Scope, base: Array) -> elements.Inertial:
        element = link.find("inertial")
        if element is None:
            return elements.Inertial(1.0, np.eye(4), np.eye(3))
        self.check(element)
        mass = self.number(element, "mass", 1.0)
        tensor = element.find("inertia")
        diagonal = [self.number(tensor, k, 1.0) for k in ("ixx", "iyy", "izz")]
        xy, xz, yz = (self.number(tensor, k, 0.0) for k in ("ixy", "ixz", "iyz"))
        inertia = np.array([[diagonal[0], xy, xz], [xy, diagonal[1], yz], [xz, yz, diagonal[2]]])
        a, b, c = np.linalg.eigvalsh(inertia)
        if mass <= 0 or a <= 0 or a + b < c * (1 - 1e-6):
            self.fail(
                element,
                f"mass {mass} with principal inertia {a:.3g} {b:.3g} {c:.3g} is impossible; the mass must be "
                "positive and no moment may exceed the sum of the others",
            )
        return elements.Inertial(mass, self.local(element, scope, base), inertia)

    def geometry(self, parent: Any) -> elements.Geometry | None:
        element = parent.find("geometry")
        if element is None or not len(element):
            self.fail(parent, f"<{parent.tag}> {parent.get('name')!r} has no <geometry>; add a box, ...")
        one = element[0]
        if one.tag in SIZES:
            sizes = (self.positive(one, path, count) for path, count in SIZES[one.tag].items())
            return elements.Geometry(one.tag, tuple(value for size in sizes for value in size))
        if one.tag == "plane":
            normal = np.array(self.vector(one, "normal", (0.0, 0.0, 1.0)))
            if np.linalg.norm(normal) < 1e-9:
                self.fail(one, "the plane's normal is zero; give a direction")
            x, y, z = normal / np.linalg.norm(normal)
            size = self.vector(one, "size", (1.0, 1.0))
            return elements.Geometry("plane", size, (float(x), float(y), float(z)))
        if one.tag == "mesh":
            uri = one.find("uri")
            if uri is None:
                self.fail(one, "<mesh> has no <uri>; add one")
            path = self.resolve(uri.text or "", uri)
            if path.suffix.lower() in MESHES:
                return elements.Geometry("mesh", self.vector(one, "scale", (1.0, 1.0, 1.0)), mesh=path)
            self.skip("geometry", one, f"mesh format {path.suffix or 'unknown'} ({' and '.join(MESHES)} are)")
            return None
        self.skip("geometry", one)
        return None

    def collision(self, element: Any, scope: Scope, base: Array) -> elements.Collision | None:
        self.check(element)
        geometry = self.geometry(element)
        if geometry is None:
            return None
        surface = element.find("surface")
        if surface is not None:
            self.check(surface)
        bullet = "friction/torsional/"
        torsional = None if surface is None else surface.find(f"{bullet}coefficient")
        patch = None if surface is None else surface.find(f"{bullet}patch_radius")
        given = "" if surface is None else self.text(surface, "contact/collide_bitmask")
        mask = given or DEFAULT_MASK
        try:
            bits = int(mask, 0)
        except ValueError:
            self.fail(surface, f"<collide_bitmask> is {mask!r}; it must be a whole number such as 0xFFFF")
        return elements.Collision(
            self.name(element), self.local(element, scope, base), geometry,
            elements.ContactSurface(
                mu=self.number(surface, "friction/ode/mu", 1.0),
                torsional=None if torsional is None else self.number(surface, f"{bullet}coefficient", 1.0),
                patch_radius=None if patch is None else self.number(surface, f"{bullet}patch_radius", 0.0),
                collide_bitmask=bits,
            ),
            self.where(element),
        )  # fmt: skip

    def visual(self, element: Any, scope: Scope, base: Array) -> elements.Visual | None:
        self.check(element)
        geometry = self.geometry(element)
        if geometry is None:
            return None
        material = element.find("material")
        if material is not None:
            self.check(material)
        default = elements.Material()
        diffuse = self.colour(material, "diffuse", default.diffuse)
        return elements.Visual(
            self.name(element), self.local(element, scope, base), geometry,
            elements.Material(
                diffuse=diffuse, ambient=self.colour(material, "ambient", diffuse),
                specular=self.colour(material, "specular", default.specular),
                emissive=self.colour(material, "emissive", default.emissive),
            ),
            self.number(element, "transparency", 0.0), self.where(element),
        )  # fmt: skip

    def noise(self, parent: Any, path: str = "noise") -> elements.Noise:
        one = None if parent is None else parent.find(path)
        if one is None:
            return elements.Noise()
        kind = one.get("type") or self.text(one, "type") or "gaussian"
        if kind == "none":
            return elements.Noise()
        if kind not in ("gaussian", "gaussian_quantized"):
            self.fail(one, f"the noise type is {kind!r}; it must be none, gaussian or gaussian_quantized")
        return elements.Noise(
            self.number(one, "mean", 0.0), self.number(one, "stddev", 0.0),
            self.number(one, "bias_mean", 0.0), self.number(one, "bias_stddev", 0.0),
        )  # fmt: skip

    def sensor(self, element: Any, link: str, scope: Scope, base: Array) -> elements.Sensor:
        self.check(element)
        made = elements.Sensor(
            self.name(element), str(element.get("type", "")), link, self.local(element, scope, base),
            self.number(element, "update_rate", 0.0), self.text(element, "topic"), self.where(element),
        )  # fmt: skip
        camera, imu = element.find("camera"), element.find("imu")
        lidar = element.find("lidar") if element.find("lidar") is not None else element.find("ray")
        contact = element.find("contact")
        if camera is not None:
            return replace(made, camera=self.camera(camera))
        if lidar is not None:
            return replace(made, lidar=self.lidar(lidar))
        if imu is not None:
            axes = [
                tuple(self.noise(imu, f"{kind}/{axis}/noise") for axis in "xyz")
                for kind in ("angular_velocity", "linear_acceleration")
            ]
            return replace(made, imu=elements.Imu(axes[0], axes[1]))  # type: ignore[arg-type]
        if contact is not None:
            return replace(made, topic=self.text(contact, "topic") or made.topic)
        return made

    def camera(self, element: Any) -> elements.Camera:
        self.check(element)
        image, clip, depth = element.find("image"), element.find("clip"), element.find("depth_camera")
        if depth is not None:
            self.check(depth)
        near, far = self.number(clip, "near", 0.1), self.number(clip, "far", 100.0)
        depth_near = self.number(depth, "clip/near", near)
        depth_far = self.number(depth, "clip/far", far)
        if not 0 < near < far or not 0 < depth_near < depth_far:
            self.fail(element, "the camera's <clip> needs 0 < near < far")
        fov = self.number(element, "horizontal_fov", 1.047)
        if not 0.01 < fov < 3.1:
            self.fail(element, f"<horizontal_fov> is {fov}; it must be from 0.01 to 3.1 rad")
        return elements.Camera(
            fov, int(self.number(image, "width", 320)), int(self.number(image, "height", 240)),
            near, far, depth_near, depth_far, self.noise(element),
        )  # fmt: skip

    def lidar(self, element: Any) -> elements.Lidar:
        self.check(element, "lidar")
        across, up = element.find("scan/horizontal"), element.find("scan/vertical")
        if across is None:
            self.fail(element, "the lidar has no <scan><horizontal>; add its samples and angles")

        def fan(one: Any) -> tuple[tuple[float, float], int]:
            if one is None:
                return (0.0, 0.0), 1
            samples = int(self.number(one, "samples", 1))
            if samples < 1:
                self.fail(one, f"<samples> is {samples}; it must be at least 1")
            return (self.number(one, "min_angle", 0.0), self.number(one, "max_angle", 0.0)), samples

        azimuth, columns = fan(across)
        elevation, rows = fan(up)
        reach = element.find("range")
        low, high = self.number(reach, "min", 0.05), self.number(reach, "max", 10.0)
        if not 0 <= low < high:
            self.fail(reach, f"the lidar's range is {low} to {high}; it needs 0 <= min < max")
        return elements.Lidar(azimuth, columns, elevation, rows, low, high, self.noise(element))

    def light(self, element: Any, scope: Scope, base: Array) -> elements.Light:
        self.check(element)
        kind = str(element.get("type", "point"))
        if kind not in ("point", "directional", "spot"):
            self.fail(element, f"the light's type is {kind!r}; it must be point, directional or spot")
        fade = element.find("attenuation")
        return elements.Light(
            self.name(element), kind, self.local(element, scope, base),
            self.colour(element, "diffuse", (1.0, 1.0, 1.0, 1.0)),
            self.colour(element, "specular", (0.1, 0.1, 0.1, 1.0)),
            self.vector(element, "direction", (0.0, 0.0, -1.0)),  # type: ignore[arg-type]
            self.number(fade, "range", 10.0),
            (
                self.number(fade, "constant", 1.0), self.number(fade, "linear", 0.0),
                self.number(fade, "quadratic", 0.0),
            ),
            self.number(element, "intensity", 1.0),
            self.boolean(element, "cast_shadows", False),
            self.number(element, "spot/outer_angle", 0.5),
            self.where(element),
        )  # fmt: skip
