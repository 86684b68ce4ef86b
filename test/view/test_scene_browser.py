"""The scene in a real browser: it arrives, asks nobody else, shows no controls of its own, and the camera
goes where it is told. Rendered in software: what is drawn is tried here, not how fast."""

import shutil
import time
from pathlib import Path

import pytest

pytest.importorskip("viser")
sync_api = pytest.importorskip("playwright.sync_api")

from scene_states import pose, standing  # noqa: E402

import vla_sim.view  # noqa: E402
from vla_sim.view.scene import Scene  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.scenario,
    pytest.mark.variant,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-sync", "--disable-component-update", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]  # fmt: skip
PAGE = """<body style="margin:0"><iframe src="/?fixedDpr=1" style="border:0;width:100%;height:100%"></iframe>
<script type="module">
  import { SceneCamera } from "/scene_camera.js";
  window.camera = new SceneCamera(document.querySelector("iframe"));
</script>"""
CLIENT = "document.querySelector('iframe').contentWindow"
EYE = f"(({{x, y, z}}) => [-z, -x, y])({CLIENT}.__viserMutable.camera.position)"
"""Of the camera, in map."""
SECONDS = 600.0
"""For a machine that renders in software while it does much else."""


@pytest.fixture(scope="module")
def scene():
    with Scene("tabletop") as made:
        yield made


@pytest.fixture(scope="module")
def asked():
    """Every address that the page has asked for."""
    return []


@pytest.fixture(scope="module")
def page(scene, asked):
    camera = (Path(vla_sim.view.__file__).parent / "static" / "scene_camera.js").read_text()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS, timeout=1e3 * SECONDS)
        page = browser.new_page(viewport={"width": 320, "height": 200})
        page.set_default_timeout(1e3 * SECONDS)
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url))
        page.route("**/outer.html", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
        page.route(
            "**/scene_camera.js", lambda route: route.fulfill(body=camera, content_type="text/javascript")
        )
        page.goto(f"http://127.0.0.1:{scene.port}/outer.html")
        shows(page, scene, standing(), f"{CLIENT}.__viserMutable?.nodeRefFromName['/robot']?.visible")
        yield page
        browser.close()


def shows(page, scene, state, condition):
    """Shows the state until the page says so."""
    end = time.monotonic() + SECONDS
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        scene.show(state)
        page.wait_for_timeout(100)


def near(x, y, within):
    return f"(([x, y]) => Math.hypot(x - {x}, y - {y}) < {within})({EYE})"


def test_everything_is_loaded_from_this_machine(page, scene, asked):
    here = f"127.0.0.1:{scene.port}/"
    outside = [
        one for one in asked if not one.startswith((f"http://{here}", f"ws://{here}", "blob:", "data:"))
    ]
    assert any(one.startswith(f"ws://{here}") for one in asked)
    assert not outside


def test_no_controls_but_the_pages_own_are_seen(page):
    shown = page.evaluate(
        f"[...{CLIENT}.document.querySelectorAll('button, input, a')]"
        f".filter((one) => {CLIENT}.getComputedStyle(one).visibility !== 'hidden').length"
    )
    assert shown == 0
    assert (
        page.evaluate(f"{CLIENT}.getComputedStyle({CLIENT}.document.querySelector('canvas')).visibility")
        == "visible"
    )


def test_the_camera_follows_the_robot_and_keeps_its_distance(page, scene):
    shows(page, scene, standing(base=pose(0.0, 0.0, 0.77)), near(0.0, 0.0, 3.5))
    before = page.evaluate(EYE)
    wanted = [before[0] + 2.0, before[1] + 1.0]
    shows(page, scene, standing(base=pose(2.0, 1.0, 0.77)), near(*wanted, 0.05))


def test_from_above_it_is_over_the_middle_and_through_the_eye_in_the_head(page, scene):
    page.evaluate("camera.mode = 'top'")
    state = standing(base=pose(0.5, 0.2, 0.77))
    shows(page, scene, state, f"{EYE}[2] > 3.0")
    page.evaluate("camera.mode = 'eye'")
    shows(page, scene, state, f"Math.abs({EYE}[2] - 1.2) < 0.15 && {near(0.5, 0.2, 0.2)}")


def test_an_unknown_camera_is_refused_with_those_there_are(page):
    with pytest.raises(sync_api.Error, match="no camera side: give one of follow, top, eye, free"):
        page.evaluate("camera.mode = 'side'")
