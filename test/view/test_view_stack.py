"""The page drives the whole stack: what is typed and said there moves the robot, and a stop stops it."""

import contextlib
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")
pytest.importorskip("aiohttp")
pytest.importorskip("playwright", reason="playwright is not installed")

import soundfile
from playwright.sync_api import sync_playwright
from ports import any_port
from test_view_page import ARGUMENTS, CHROMIUM
from waiting import wait_for

from vla_sim.bringup.node_table import StackOptions
from vla_sim.bringup.supervisor import Stack
from vla_sim.contract import topics
from vla_sim.ros import conversions
from vla_sim.scenario.client import Client, NodeThread
from vla_sim.scenario.session import wait_until_ready
from vla_sim.scenario.terminal import Display
from vla_sim.stages.voice.audio import SAMPLE_RATE
from vla_sim.stages.voice.synthesis import Hibari

pytestmark = [
    pytest.mark.scenario, pytest.mark.ros, pytest.mark.alone,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here"),
]  # fmt: skip
BOUND = 180.0  # [s]
LONG_WAY = "go to the bedroom, then go to the kitchen, then go to the bedroom"
"""The robot must be on its way still when the page has been looked at."""
STOP = 0.25
"""[s] from the click to the first velocity of zero: what the page promises."""
FAKE_MICROPHONE = [
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


class Watcher(Client):
    """Sees the velocities that safety lets pass, and when they come."""

    def __init__(self):
        super().__init__()
        self.passed = []
        self.listen(topics.CMD_VEL, self.on_velocity)

    def on_velocity(self, message):
        self.passed.append((time.monotonic(), any(conversions.velocity(message))))

    @property
    def moves(self):
        return bool(self.passed) and self.passed[-1][1]


@pytest.fixture(scope="module")
def sentence(tmp_path_factory):
    """What Chromium's microphone hears: half a second of nothing, then a sentence."""
    path = tmp_path_factory.mktemp("said") / "said.wav"
    sound = Hibari().speak("go to the kitchen")
    soundfile.write(path, np.pad(sound, (SAMPLE_RATE // 2, 3 * SAMPLE_RATE)), SAMPLE_RATE)
    return path


@pytest.fixture(scope="module")
def driven(tmp_path_factory, sentence):
    """A stack with a page, a browser, and one who watches."""
    port = any_port()
    options = StackOptions(engine="kinematic", view=True, view_port=port, shedding=False)
    arguments = [*ARGUMENTS, *FAKE_MICROPHONE, f"--use-file-for-fake-audio-capture={sentence}%noloop"]
    with contextlib.ExitStack() as held:
        stack = held.enter_context(Stack(options, tmp_path_factory.mktemp("run")))
        watcher = held.enter_context(NodeThread(stack.domain.id, Watcher))
        wait_until_ready(stack, watcher, Display(quiet=True))
        playwright = held.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments, timeout=180_000)
        held.callback(browser.close)
        context = browser.new_context(permissions=["microphone"])
        context.add_init_script("localStorage.setItem('scene', 'off')")
        page = context.new_page()
        page.set_default_timeout(1e3 * BOUND)
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector("body[data-link=live]")
        yield SimpleNamespace(stack=stack, watcher=watcher, page=page)


def stopped_after(driven):
    """Seconds from the click to the first velocity of zero."""
    clicked = time.monotonic()
    driven.page.locator("#stop").click()
    wait_for(lambda: not driven.watcher.moves, BOUND)
    return next(at for at, moves in driven.watcher.passed if at > clicked and not moves) - clicked


def test_what_is_typed_moves_the_robot_and_a_click_stops_it(driven):
    page, watcher = driven.page, driven.watcher
    page.locator("#words").fill(LONG_WAY)
    page.keyboard.press("Enter")
    wait_for(lambda: watcher.moves, BOUND)
    stopped_after(driven)
    page.wait_for_selector("#plan-steps li")
    page.wait_for_selector("#safety[data-level=stopped]")
    page.wait_for_selector("#plan-end.bad")


@pytest.mark.variant
@pytest.mark.audio
def test_what_is_said_to_the_browsers_microphone_moves_the_robot(driven):
    page, watcher = driven.page, driven.watcher
    assert not watcher.moves
    page.locator("#speak").click()
    wait_for(lambda: any(one.text == "go to the kitchen" for one in watcher.recording.transcripts), BOUND)
    wait_for(lambda: watcher.moves, BOUND)
    page.locator("#speak").click()
    stopped_after(driven)


def test_a_view_that_dies_is_started_again_and_the_page_comes_back(driven):
    page, stack, watcher = driven.page, driven.stack, driven.watcher
    page.locator("#words").fill(LONG_WAY)
    page.keyboard.press("Enter")
    wait_for(lambda: watcher.moves, BOUND)
    under_way = watcher.recording.statuses[-1].status.command_id
    page.wait_for_selector("#plan-steps li[data-state=running]")
    stack.kill("view", restart=True)
    page.wait_for_selector("body[data-link=lost]")
    wait_for(lambda: watcher.moves, BOUND)
    assert watcher.recording.final(under_way) is None, "a lost page changes nothing"
    ends = threading.Event()

    def check():
        while not ends.wait(0.1):
            stack.check()

    threading.Thread(target=check, daemon=True).start()
    try:
        page.wait_for_selector("body[data-link=live]")
        page.wait_for_selector("#safety[data-level=ok], #safety[data-level=slowed]")
        page.wait_for_selector("#plan-steps li[data-state=running]")
        other = page.context.new_page()
        other.goto(page.url)
        other.wait_for_selector("#plan-steps li[data-state=running]")
        other.close()
        page.keyboard.press("Escape")
        wait_for(lambda: not watcher.moves, BOUND)
    finally:
        ends.set()
    assert stack.restarts["view"] == 1


@pytest.mark.load
def test_a_stop_is_there_within_a_quarter_of_a_second_of_the_click(driven):
    page, took = driven.page, []
    for _ in range(5):
        page.locator("#words").fill("turn left 180 degrees")
        page.keyboard.press("Enter")
        wait_for(lambda: driven.watcher.moves, BOUND)
        took.append(stopped_after(driven))
    assert max(took) < STOP, took
