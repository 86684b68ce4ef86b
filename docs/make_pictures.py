"""Makes the pictures of README.md and of these pages: `python docs/make_pictures.py`, or `make pictures`.

It plays the main job, recorded and in lock-step, and draws what a user gets of it by the same commands.
`--run FOLDER` takes a recorded run of that job instead.
"""

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from vla_sim.cli.run import DEMO
from vla_sim.contract import topics
from vla_sim.recording.reader import Recording
from vla_sim.recording.world import world_of
from vla_sim.view import actions, door, snapshot
from vla_sim.view.player import Player
from vla_sim.view.scene import Scene
from vla_sim.view.server import Server
from vla_sim.view.video import film
from vla_sim.view.video.world_picture import world_picture
from vla_sim.world.semantic_map import World

IMAGES = Path(__file__).parent / "images"
FILM, RUN, WORLD = IMAGES / "fetch_cup.webp", IMAGES / "fetch_cup.jpg", IMAGES / "apartment.jpg"
PAGES = (
    (IMAGES / "view.jpg", (1280, 1280), "light", "navigate"),
    (IMAGES / "view_phone.jpg", (412, 915), "dark", "pick"),
)
"""Of the live view: size [px], colours, and the step of the plan in whose middle it is seen."""
CAN = snapshot.encode(dict.fromkeys(("command", "speak", "stop", "reset", "faults", "speed"), True))
PATIENCE = 1800e3
"""[ms] for a scene that is drawn by this machine's processor."""
BROWSER = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
DRAWN = """async () => {
  const scene = document.querySelector("#scene").contentWindow;
  const frame = () => new Promise((drawn) => scene.requestAnimationFrame(drawn));
  while (!scene.__viserMutable?.nodeRefFromName["/robot"]?.visible) await frame();
  for (let k = 0; k < 3; k++) await frame();
}"""
"""Waits until the robot is in the scene, and the camera where it is to be."""
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
        pages(recording)
    still(world_picture(World.load("apartment")), WORLD)
    return 0


def play(folder: Path) -> None:
    """Raises `CalledProcessError` if the run does not pass: such a picture is for no README."""
    words = ["run", DEMO, "--speed", "max", "--record", "--out", str(folder)]
    subprocess.run([sys.executable, "-m", "vla_sim.cli.main", *words], check=True)


class AsLive(Player):
    """A recorded run on the page as it is seen while it goes on."""

    def about(self) -> dict[str, object]:
        return {**super().about(), "mode": "live"}


@contextmanager
def held(recording: Recording, at: float) -> Iterator[str]:
    """The page with a run that stands still at a moment [s]; its address."""
    with ExitStack() as stack:
        world = stack.enter_context(world_of(recording))
        scene = stack.enter_context(Scene(str(world.path)))
        port = door.free_port("127.0.0.1")
        player = AsLive(
            recording, world,
            lambda sections: server.show({k: v for k, v in sections.items() if k != "replay"} | {"can": CAN}),
            lambda about, jpeg: server.show_picture(about, jpeg), scene,
        )  # fmt: skip
        server = Server(player, door.Door("127.0.0.1"), port)
        server.embed("127.0.0.1", scene.port)
        server.start()
        stack.callback(server.close)
        player.start()
        stack.callback(player.close)
        player.act(actions.Play(on=False)).result()
        player.act(actions.Seek(to=at - recording.start)).result()
        yield door.url("127.0.0.1", port)


def pages(recording: Recording) -> None:
    """The live view's page, in a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=BROWSER, timeout=PATIENCE
        )
        for path, (width, height), colours, skill in PAGES:
            page = browser.new_page(viewport={"width": width, "height": height})
            page.emulate_media(color_scheme="dark" if colours == "dark" else "light")
            page.set_default_timeout(PATIENCE)
            with held(recording, middle(recording, skill)) as address:
                page.goto(address)
                page.wait_for_selector("#plan-steps li")
                page.wait_for_selector("#scene-empty[hidden]", state="attached")
                camera = page.locator("#picture").bounding_box()
                if camera is not None and camera["y"] < height:  # else nobody asks for its picture
                    page.wait_for_selector("#picture-empty[hidden]", state="attached")
                page.evaluate(DRAWN)
                still(Image.open(io.BytesIO(page.screenshot())), path)
            page.close()
        browser.close()


def middle(recording: Recording, skill: str) -> float:
    """The stamp halfway through the first step of this skill [s]."""
    told = [(one.stamp, recording.content(one).skill) for one in recording.read([topics.STATUS.name])]
    begun = next(stamp for stamp, what in told if what == skill)
    return (begun + next(stamp for stamp, what in told if stamp > begun)) / 2


def still(image: Image.Image, path: Path) -> None:
    image = image.convert("RGB")
    image.thumbnail((WIDTH, 2 * WIDTH), Image.Resampling.LANCZOS)
    image.save(path, quality=85, optimize=True)


if __name__ == "__main__":
    raise SystemExit(main())
