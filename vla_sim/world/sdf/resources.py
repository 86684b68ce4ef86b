"""Where the files are that SDF names: folders of models, and Fuel's cache. Nothing is fetched.

`GZ_SIM_RESOURCE_PATH` holds the user's folders of models, `GZ_FUEL_CACHE_PATH` (~/.gz/fuel) what `gz fuel
download` has brought. Fuel's "Ground Plane" and "Sun" are in nearly every world; they are built in.
"""

import os
import re
from pathlib import Path

RESOURCE_PATH = "GZ_SIM_RESOURCE_PATH"
FUEL = re.compile(
    r"https?://(?P<server>fuel\.(?:gazebosim|ignitionrobotics)\.org|app\.gazebosim\.org)/(?:\d\.\d/)?"
    r"(?P<owner>[^/]+)/(?:fuel/)?models/(?P<name>[^/]+)(?:/(?P<version>\d+|tip))?(?:/files)?(?:/(?P<file>.*))?"
)
_BUILT_IN = {
    "ground plane": """<sdf version="1.10"><model name="ground_plane"><static>true</static><link name="link">
<collision name="collision"><geometry><plane><normal>0 0 1</normal><size>100 100</size></plane></geometry>
</collision>
<visual name="visual"><geometry><plane><normal>0 0 1</normal><size>100 100</size></plane></geometry>
<material><ambient>0.8 0.8 0.8 1</ambient><diffuse>0.8 0.8 0.8 1</diffuse><specular>0.1 0.1 0.1 1</specular>
</material></visual></link></model></sdf>""",
    "sun": """<sdf version="1.10"><light type="directional" name="sun"><pose>0 0 10 0 0 0</pose>
<diffuse>0.8 0.8 0.8 1</diffuse><specular>0.2 0.2 0.2 1</specular><direction>-0.5 0.1 -0.9</direction></light>
</sdf>""",
}  # fmt: skip


def resource_path() -> tuple[Path, ...]:
    """The folders of models that the user has set."""
    return tuple(Path(p) for p in os.environ.get(RESOURCE_PATH, "").split(os.pathsep) if p)


def fuel_cache() -> Path:
    return Path(os.environ.get("GZ_FUEL_CACHE_PATH") or os.path.expanduser("~/.gz/fuel"))


def built_in(uri: str) -> bytes | None:
    """The SDF of a model that is the same everywhere, by its Fuel or `model://` URI."""
    found = FUEL.fullmatch(uri.strip())
    name = found["name"] if found and not found["file"] else uri.strip().removeprefix("model://")
    text = _BUILT_IN.get(name.strip().rstrip("/").replace("%20", " ").replace("_", " ").lower())
    return None if text is None else text.encode()


def in_fuel_cache(uri: str) -> Path | None:
    """The folder of a model from Fuel, or a file in it; None where the cache has none. The newest version,
    unless the URI names one."""
    found = FUEL.fullmatch(uri.strip())
    if found is None or ".." in Path(uri).parts:
        return None
    names = [found[key].replace("%20", " ").lower() for key in ("owner", "name")]
    for server in (found["server"], "fuel.gazebosim.org", "fuel.ignitionrobotics.org"):
        folder = fuel_cache() / server / names[0] / "models" / names[1]
        try:
            versions = sorted(int(one.name) for one in folder.iterdir() if one.name.isdigit())
        except OSError:
            continue
        asked = found["version"]
        if asked and asked != "tip":
            versions = [version for version in versions if version == int(asked)]
        if versions:
            return folder / str(versions[-1]) / (found["file"] or "").replace("%20", " ")
    return None
