"""Reading SDF: what a link consists of."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vla_sim.common.errors import InputError
from vla_sim.common.geometry import Array, inverse, transform
from vla_sim.world.sdf import convex, elements, inertia, meshes
from vla_sim.world.sdf.values import Scope, Values

SIZES: dict[str, dict[str, int]] = {
    "box": {"size": 3}, "sphere": {"radius": 1}, "cylinder": {"radius": 1, "length": 1},
    "capsule": {"radius": 1, "length": 1}, "ellipsoid": {"radii": 3},
}  # fmt: skip
"""The elements of a shape that `Geometry.size` consists of, and how many numbers each has."""
DEFAULT_MASK = "0xFF"
"""What libsdformat takes for a missing <collide_bitmask>; its own specification says 65535."""


MOST_PIXELS, MOST_RAYS = 8192, 1_000_000
"""Of a camera's image each way, and of one turn of a lidar."""


class Links(Values):
    """Reads links with their collisions, visuals, sensors and lights."""

    def link(self, element: Any, scope: Scope) -> elements.Link:
        self.check(element)
        name = self.name(element)
        pose = scope.pose(name, element)
        base = inverse(pose)
        solids = [one for e in element.iterfind("collision") for one in self.collisions(e, scope, base)]
        return elements.Link(
            name=name, pose=pose, inertial=self.inertial(element, scope, base, solids),
            gravity=self.boolean(element, "gravity", True),
            collisions=tuple(collision for collision, _ in solids),
            visuals=tuple(one for e in element.iterfind("visual") for one in self.visuals(e, scope, base)),
            sensors=tuple(self.sensor(e, name, scope, base) for e in element.iterfind("sensor")),
            lights=tuple(self.light(e, scope, base) for e in element.iterfind("light")),
            where=self.where(element),
        )  # fmt: skip

    def local(self, element: Any, scope: Scope, base: Array) -> Array:
        """Pose in the link (whose inverse pose is `base`) of something inside it."""
        pose, relative_to = self.pose(element)
        return base @ scope.pose(relative_to, element) @ pose if relative_to else pose

    def inertial(
        self, link: Any, scope: Scope, base: Array, solids: list[tuple[elements.Collision, float]]
    ) -> elements.Inertial:
        """solids: the link's collisions with their density [kg/m^3], nan where none is given."""
        element = link.find("inertial")
        if element is None:
            what = "has no <inertial>: it is taken as 1 kg and 1 kg m^2"
            return elements.Inertial(1.0, np.eye(4), np.eye(3), what)
        self.check(element)
        if str(element.get("auto", "")).lower() in ("true", "1"):
            return self.automatic(link, element, solids)
        mass = self.number(element, "mass", 1.0)
        tensor = element.find("inertia")
        assumed = "" if tensor is not None else f"has no <inertia>: it is taken as {mass:g} kg and 1 kg m^2"
        diagonal = [self.number(tensor, k, 1.0) for k in ("ixx", "iyy", "izz")]
        xy, xz, yz = (self.number(tensor, k, 0.0) for k in ("ixy", "ixz", "iyz"))
        moments = np.array([[diagonal[0], xy, xz], [xy, diagonal[1], yz], [xz, yz, diagonal[2]]])
        a, b, c = np.linalg.eigvalsh(moments)
        if mass <= 0 or a <= 0 or a + b < c * (1 - 1e-6):
            volume, centre, tensor = self.of_shape(element, solids)
            if mass > 0.0 and volume > 0.0:
                what = "has an inertia that no body can have: that of its collisions is taken"
                return elements.Inertial(mass, transform(centre), tensor * (mass / volume), what)
            why = (
                f"{self.where(element)}: mass {mass} with principal inertia {a:.3g} {b:.3g} {c:.3g} is "
                "impossible; the mass must be positive and no moment may exceed the sum of the others"
            )
            return elements.Inertial(1.0, np.eye(4), np.eye(3), impossible=why)
        return elements.Inertial(mass, self.local(element, scope, base), moments, assumed)

    def automatic(
        self, link: Any, element: Any, solids: list[tuple[elements.Collision, float]]
    ) -> elements.Inertial:
        """From density and shape; a <mass> that is given scales it."""
        mass, centre, tensor = self.of_shape(element, solids)
        if mass <= 0.0:
            what = "has no collision with a volume for <inertial auto>: it is taken as 1 kg and 1 kg m^2"
            return elements.Inertial(1.0, np.eye(4), np.eye(3), what)
        given = self.number(element, "mass", mass)
        if given <= 0.0:
            self.fail(element, f"the mass of link {link.get('name')!r} is {given}; it must be positive")
        return elements.Inertial(given, transform(centre), tensor * (given / mass))

    def of_shape(
        self, inertial: Any, solids: list[tuple[elements.Collision, float]]
    ) -> tuple[float, Array, Array]:
        """Mass, centre of mass and inertia of a link's collisions, as `inertia.combined`."""
        density = self.number(inertial, "density", inertia.DENSITY)
        return inertia.combined(
            (one.geometry, one.pose, density if math.isnan(own) else own) for one, own in solids
        )

    def geometry(self, parent: Any) -> elements.Geometry | None:
        """One for a mesh, with `part` 0, which is not looked into here. None: left out."""
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
            scale = self.vector(one, "scale", (1.0, 1.0, 1.0))
            if min(map(abs, scale)) == 0.0:
                self.fail(one.find("scale"), f"the scale of {path.name} is {scale}; no axis may be 0")
            if path.suffix.lower() in meshes.FORMATS:
                if self.boolean(one, "submesh/center", False):
                    self.note(one, "<center> of a <submesh> is left out: it stands where its file has it")
                submesh = self.text(one, "submesh/name")
                return elements.Geometry("mesh", scale, mesh=path.absolute(), submesh=submesh)
            allowed = ", ".join(meshes.FORMATS)
            self.note(one, f"the mesh {path.name} is left out, {_follows(parent)}: {allowed} can be read")
            return None
        if one.tag == "heightmap" and parent.tag == "collision":
            self.fail(one, "a <heightmap> cannot be walked on, the robot needs level floor; give a <plane>")
        self.skip("geometry", one, _follows(parent))
        return None

    def collisions(
        self, element: Any, scope: Scope, base: Array
    ) -> Iterator[tuple[elements.Collision, float]]:
        """A collision with its density (nan if none is given); of a mesh one for each convex piece."""
        density = self.number(element, "density", math.nan)
        found = self.collision(element, scope, base)
        if found is None:
            return
        geometry = found.geometry
        if geometry.mesh is None:
            yield found, density
            return
        try:
            pieces, lost = convex.pieces(geometry.mesh, geometry.size, geometry.submesh)
        except InputError as error:
            self.fail(element, str(error))
        if lost:
            self.note(element, f"the collision mesh {geometry.mesh.name} is simplified: {lost}")
        for k, piece in enumerate(pieces):
            solid = elements.Geometry(
                "box" if piece.corners is None else "hull", piece.size, mesh=geometry.mesh,
                submesh=geometry.submesh, part=k, corners=piece.corners,
            )  # fmt: skip
            name = found.name if len(pieces) == 1 else f"{found.name}#{k}"
            yield replace(found, name=name, pose=found.pose @ piece.pose, geometry=solid), density

    def collision(self, element: Any, scope: Scope, base: Array) -> elements.Collision | None:
        """As the file says it: of a mesh the whole file."""
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
            bits = 1 << 32
        if not -1 <= bits <= 0xFFFFFFFF:  # -1: all of them
            allowed = "it must be a whole number from 0 to 0xFFFFFFFF"
            self.fail(surface, f"<collide_bitmask> is {mask!r}; {allowed}")
        return elements.Collision(
            self.name(element), self.local(element, scope, base), geometry,
            elements.ContactSurface(
                mu=self.number(surface, "friction/ode/mu", 1.0),
                torsional=None if torsional is None else self.number(surface, f"{bullet}coefficient", 1.0),
                patch_radius=None if patch is None else self.number(surface, f"{bullet}patch_radius", 0.0),
                collide_bitmask=bits & 0xFFFFFFFF,
            ),
            self.where(element),
        )  # fmt: skip

    def visuals(self, element: Any, scope: Scope, base: Array) -> Iterator[elements.Visual]:
        """A visual; of a mesh one for each of its materials, unless the file gives it one."""
        found = self.visual(element, scope, base)
        if found is None:
            return
        geometry = found.geometry
        if geometry.mesh is None:
            yield found
            return
        try:
            parts = meshes.parts(geometry.mesh, geometry.submesh)
        except InputError as error:
            self.fail(element, str(error))
        given = element.find("material")
        for k, part in enumerate(parts):
            name = found.name if len(parts) == 1 else f"{found.name}#{k}"
            material = found.material
            if given is None or (given.find("diffuse") is None and material.texture is None):
                shown = elements.Material(
                    diffuse=part.colour, ambient=part.colour, specular=material.specular
                )
                material = replace(shown, emissive=material.emissive, textured=part.texture is not None)
            yield replace(found, name=name, geometry=replace(geometry, part=k), material=material)

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
        texture = None if material is None else material.find("pbr/metal/albedo_map")
        image: Path | None = None
        if texture is not None and (texture.text or "").strip():
            try:
                image = self.resolve(texture.text.strip(), texture)
                r, g, b, _ = meshes.mean_colour(image)
                diffuse = (r * diffuse[0], g * diffuse[1], b * diffuse[2], diffuse[3])
            except InputError as error:  # a picture that is missing makes no world unusable
                self.note(texture, f"the texture is left out, its colour is seen: {_told(error)}")
        return elements.Visual(
            self.name(element), self.local(element, scope, base), geometry,
            elements.Material(
                diffuse=diffuse, ambient=self.colour(material, "ambient", diffuse),
                specular=self.colour(material, "specular", default.specular),
                emissive=self.colour(material, "emissive", default.emissive), texture=image,
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
        width, height = int(self.number(image, "width", 320)), int(self.number(image, "height", 240))
        if not (1 <= width <= MOST_PIXELS and 1 <= height <= MOST_PIXELS):
            self.fail(
                image, f"the <image> has {width} x {height} pixels; 1 to {MOST_PIXELS} each are allowed"
            )
        return elements.Camera(
            fov, width, height, near, far, depth_near, depth_far, self.noise(element),
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
        if rows * columns > MOST_RAYS:
            self.fail(element, f"the lidar has {columns} x {rows} <samples>; {MOST_RAYS} in all are the most")
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
            self.colour(element, "diffuse", elements.DIFFUSE),
            self.colour(element, "specular", elements.SPECULAR),
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


def _follows(parent: Any) -> str:
    """What it means that the shape of a collision or visual is left out."""
    return "nothing stops a robot there" if parent.tag == "collision" else "it is not seen there"


def _told(error: InputError) -> str:
    """An error without the place in the file, which is said anyway."""
    return str(error).split(": ", 1)[-1]
