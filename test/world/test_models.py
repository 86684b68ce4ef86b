"""The shipped models: folders, references, masses and inertias, and what the robot can handle."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from lxml import etree

from vla_sim.common import assets
from vla_sim.contract.vocabulary import COLOURS, KINDS
from vla_sim.world.sdf import elements, reader
from vla_sim.world.sdf.values import SdfWarning

MODELS = sorted(path.name for path in assets.share_folder("models").iterdir() if path.is_dir())
FILES = [assets.share_folder("models") / name / "model.sdf" for name in MODELS]
FILES += sorted(assets.share_folder("worlds").glob("*.sdf"))
HOUSEHOLD = re.compile(r"(red|blue|green|yellow|white)_(cup|ball|box|bottle)")
OBJECTS = [name for name in MODELS if HOUSEHOLD.fullmatch(name)]
OPENING, PAD = 0.10, (0.06, 0.03)
"""The gripper's opening and the length and height of its pads [m]."""


def load(name: str) -> elements.Model:
    return reader.load_model(assets.share_folder("models") / name)


@pytest.mark.parametrize("name", MODELS)
def test_model_config_names_the_model_and_its_sdf(name: str) -> None:
    config = etree.parse(assets.share_folder("models") / name / "model.config").getroot()
    assert config.tag == "model"
    assert config.findtext("name")
    assert config.findtext("description")
    assert config.findtext("author/name")
    document = config.find("sdf")
    assert document.get("version") == "1.10"
    tree = etree.parse(assets.share_folder("models") / name / document.text).getroot()
    assert (tree.tag, tree.get("version"), tree.find("model").get("name")) == ("sdf", "1.10", name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_uri_resolves(path: Path) -> None:
    for uri in etree.parse(path).iterfind(".//uri"):
        scheme, _, rest = uri.text.partition("://")
        target = assets.share_folder("models") / rest if scheme == "model" else path.parent / uri.text
        assert target.exists(), f"{path}:{uri.sourceline}: {uri.text}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_names_are_unique_within_their_parent(path: Path) -> None:
    for parent in etree.parse(path).iter():
        for kind in ("collision", "visual", "sensor"):
            names = [e.get("name") for e in parent.iterchildren(kind) if e.get("name")]
            assert len(set(names)) == len(names), f"{path}:{parent.sourceline}: {names}"
        entities = [e.get("name") for e in parent.iterchildren("model", "link", "joint", "frame", "light")]
        entities += [e.findtext("name") for e in parent.iterchildren("include")]
        assert len(set(entities)) == len(entities), f"{path}:{parent.sourceline}: {entities}"


@pytest.mark.parametrize("name", MODELS)
def test_model_loads_without_a_warning(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", SdfWarning)
        assert load(name).links


@pytest.mark.parametrize("name", [name for name in MODELS if not load(name).static])
def test_inertias_are_those_of_a_body(name: str) -> None:
    for link in load(name).links:
        a, b, c = np.sort(np.linalg.eigvalsh(link.inertial.inertia))
        assert link.inertial.mass > 0, link.name
        assert a > 0, link.name
        assert a + b >= c * (1 - 1e-6), f"{link.name}: {a} + {b} < {c}"


def test_there_are_objects_of_every_kind_and_their_colours_are_known() -> None:
    colours: dict[str, set[str]] = {}
    for name in OBJECTS:
        colour, kind = name.split("_")
        colours.setdefault(kind, set()).add(colour)
    assert set(colours) == set(KINDS)
    assert set.union(*colours.values()) <= set(COLOURS)


def extent(model: elements.Model) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner around the collisions of a one-link model of upright primitives."""
    lows, highs = [], []
    for collision in model.links[0].collisions:
        size = collision.geometry.size
        half = {
            "box": lambda s: (s[0] / 2, s[1] / 2, s[2] / 2),
            "cylinder": lambda s: (s[0], s[0], s[1] / 2),
            "sphere": lambda s: (s[0], s[0], s[0]),
        }[collision.geometry.shape](size)
        lows.append(collision.pose[:3, 3] - half)
        highs.append(collision.pose[:3, 3] + half)
    return np.min(lows, axis=0), np.max(highs, axis=0)


@pytest.mark.parametrize("name", OBJECTS)
def test_object_fits_the_gripper(name: str) -> None:
    model = load(name)
    low, high = extent(model)
    assert not model.static
    assert max(high[:2] - low[:2]) <= OPENING - 0.025
    assert high[2] - low[2] > PAD[1]
    assert 0.05 <= model.links[0].inertial.mass <= 0.3


@pytest.mark.parametrize("name", OBJECTS)
def test_object_frame_is_at_its_centre(name: str) -> None:
    low, high = extent(load(name))
    assert np.allclose(low + high, 0, atol=1.5e-3)


@pytest.mark.parametrize("name", OBJECTS)
def test_object_inertia_fits_its_mass_and_size(name: str) -> None:
    model = load(name)
    inertial = model.links[0].inertial
    low, high = extent(model)
    x, y, z = high - low
    box = inertial.mass / 12 * np.array([y * y + z * z, x * x + z * z, x * x + y * y])
    ratio = np.diag(inertial.inertia) / box
    assert np.all((ratio > 0.4) & (ratio < 1.3)), ratio
    assert abs(inertial.pose[2, 3]) < 0.2 * z


@pytest.mark.parametrize("name", OBJECTS)
def test_object_has_grip_in_both_engines(name: str) -> None:
    for collision in load(name).links[0].collisions:
        assert 0.9 <= collision.surface.mu <= 1.0
        assert collision.surface.torsional == 1.0


@pytest.mark.parametrize("name", [name for name in OBJECTS if name.endswith("_ball")])
def test_ball_stands_on_a_flat_rest_and_not_on_its_pole(name: str) -> None:
    ball, rest = load(name).links[0].collisions
    bottom = rest.pose[2, 3] - rest.geometry.size[1] / 2
    assert -ball.geometry.size[0] - 0.001 < bottom < -ball.geometry.size[0]
    tilt = math.degrees(math.atan2(rest.geometry.size[0], -bottom))
    assert tilt > 15, "degrees of table slope before it rolls"


@pytest.mark.parametrize("name", OBJECTS)
def test_object_is_painted_in_the_colour_of_its_name(name: str) -> None:
    colour = name.split("_")[0]
    main = load(name).links[0].visuals[0].material
    r, g, b = main.diffuse[:3]
    assert main.ambient == main.diffuse
    is_painted = {
        "red": r > 0.8 and max(g, b) < 0.1,
        "green": g > 0.5 and max(r, b) < 0.25,
        "blue": b > 0.8 and max(r, g) < 0.2,
        "yellow": min(r, g) > 0.75 and b < 0.1,
        "white": min(r, g, b) > 0.9,
    }
    assert is_painted[colour]


def saturation(rgb: tuple[float, ...]) -> float:
    return (max(rgb) - min(rgb)) / max(max(rgb), 1e-6)


@pytest.mark.parametrize("name", [name for name in MODELS if load(name).static])
def test_furniture_is_muted_so_that_objects_stand_out(name: str) -> None:
    for visual in load(name).links[0].visuals:
        assert saturation(visual.material.diffuse[:3]) < 0.5, visual.name


@pytest.mark.parametrize("name", ["rug", "wet_floor", "stair_opening"])
def test_floor_coverings_are_thin_and_cannot_be_tripped_over(name: str) -> None:
    link = load(name).links[0]
    assert not link.collisions
    assert max(v.pose[2, 3] + v.geometry.size[2] / 2 for v in link.visuals) <= 0.0051
