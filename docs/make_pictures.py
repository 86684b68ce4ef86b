"""Makes the pictures of README.md and of these pages: `python docs/make_pictures.py`, or `make pictures`.

It plays the main job, recorded and in lock-step, and draws what a user gets of it by the same commands.
`--run FOLDER` takes a recorded run of that job instead.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from vla_sim.cli.run import DEMO
from vla_sim.recording.reader import Recording
from vla_sim.view.video import film
from vla_sim.view.video.world_picture import world_picture
from vla_sim.world.semantic_map import World

IMAGES = Path(__file__).parent / "images"
FILM, RUN, WORLD = IMAGES / "fetch_cup.webp", IMAGES / "fetch_cup.jpg", IMAGES / "apartment.jpg"
FILM_PICTURES = 100
WIDTH = 1000  # [px] of what stands still


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, metavar="FOLDER", help="a recorded run of the main job")
    given = parser.parse_args().run
    with tempfile.TemporaryDirectory(prefix="vla_sim-") as folder:
        run = given or Path(folder) / "run"
        if given is None:
            play(run)
        recording = Recording(run)
        film.write(recording, FILM, film.whole(recording, FILM_PICTURES, film.Film(size=(640, 360), fps=10)))
        still(Image.open(run / "run.png"), RUN)
    still(world_picture(World.load("apartment")), WORLD)
    return 0


def play(folder: Path) -> None:
    """Raises `CalledProcessError` if the run does not pass: such a picture is for no README."""
    words = ["run", DEMO, "--speed", "max", "--record", "--out", str(folder)]
    subprocess.run([sys.executable, "-m", "vla_sim.cli.main", *words], check=True)


def still(image: Image.Image, path: Path) -> None:
    image = image.convert("RGB")
    image.thumbnail((WIDTH, 2 * WIDTH), Image.Resampling.LANCZOS)
    image.save(path, quality=85, optimize=True)


if __name__ == "__main__":
    raise SystemExit(main())
