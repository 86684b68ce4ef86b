"""A world as a picture: from above as it looks, beside it the map with the names that the robot knows."""

from contextlib import closing

from PIL import Image

from vla_sim.report.floor_plan import PAPER, FloorPlan
from vla_sim.view.video.outside import Outside, overhead
from vla_sim.world.map_file import is_map
from vla_sim.world.semantic_map import World

LOOK, MAP, MARGIN = (960, 900), (800, 860), 20
"""[px]"""


def world_picture(world: World) -> Image.Image:
    """Of a map that cannot be simulated, the map alone. Raises `SdfError` for a bad world."""
    plan = FloorPlan.of(world, MAP).with_names(world)
    seen = not is_map(world.path)
    image = Image.new("RGB", (seen * LOOK[0] + plan.width + 2 * MARGIN, LOOK[1]), PAPER)
    if seen:
        with closing(Outside(world, LOOK)) as outside:
            image.paste(Image.fromarray(outside.view(None, overhead(world))), (0, 0))
    image.paste(plan, (image.width - plan.width - MARGIN, (image.height - plan.height) // 2))
    return image
