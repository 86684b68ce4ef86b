"""The page in a real browser: what is shown, what a press sends, and what it looks like without a server."""

import json
import shutil
import time

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("playwright", reason="playwright is not installed")

import numpy as np
import soundfile
from page_states import WORDS, walking
from playwright.sync_api import expect, sync_playwright
from test_view_server import Site

from vla_sim.contract import records, topics
from vla_sim.stages.voice.audio import CHUNK, SAMPLE_RATE
from vla_sim.stages.voice.grammar import Grammar
from vla_sim.stages.voice.listener import Listener
from vla_sim.stages.voice.pocketsphinx_recogniser import Pocketsphinx
from vla_sim.stages.voice.synthesis import Hibari
from vla_sim.view import actions, snapshot
from vla_sim.view.player import Player
from vla_sim.world.semantic_map import World

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 60_000  # [ms], on a busy machine
pytestmark = [
    pytest.mark.scenario, pytest.mark.variant,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here"),
]  # fmt: skip
CAN = dict.fromkeys(("command", "speak", "stop", "reset", "faults", "speed"), True)


@pytest.fixture(scope="module")
def launch():
    """Starts a browser with these arguments besides."""
    with sync_playwright() as playwright:
        yield lambda *more: playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*ARGUMENTS, *more], timeout=180_000
        )


@pytest.fixture(scope="module")
def browser(launch):
    made = launch()
    yield made
    made.close()


@pytest.fixture(scope="module")
def world():
    return World.load("apartment")


class Shown(Site):
    """A server that shows a run; `state` is what it knows."""

    def __init__(self, world):
        super().__init__()
        self.state, self.sections = walking(world), snapshot.Sections()
        about = {
            "mode": "live", "robot": "g1", "world": snapshot.world_section(world), "speed": 1.0,
            "scene": False,
        }  # fmt: skip
        self.answers.about = lambda: about

    def show(self):
        now = {**self.sections.of(self.state), "can": CAN}
        self.server.show({name: snapshot.encode(one) for name, one in now.items()})

    def safety(self, level, reasons, **more):
        told = records.SafetyState(level=level, reasons=reasons, stop_epoch=9, **more)
        self.state.take(topics.SAFETY_STATE.name, told, 12.5)
        self.show()


@pytest.fixture
def site(world):
    with Shown(world) as made:
        made.show()
        yield made


@pytest.fixture
def page(browser, site):
    made = browser.new_page(viewport={"width": 1280, "height": 900})
    made.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    asked, broken = [], []
    made.on("request", lambda one: asked.append(one.url))
    made.on("pageerror", lambda one: broken.append(one))
    made.goto(site.url)
    made.wait_for_selector("body[data-link=live]")
    made.wait_for_selector("#plan-steps li")
    yield made
    made.close()
    assert not broken
    assert all(one.startswith((site.url, site.url.replace("http", "ws"), "data:", "blob:")) for one in asked)


def asked(site, count):
    deadline = time.monotonic() + 60.0
    while len(site.answers.asked) < count:
        assert time.monotonic() < deadline, site.answers.asked
        time.sleep(0.01)
    return site.answers.asked


def test_it_shows_the_plan_the_latencies_and_what_safety_forbids(page, site):
    expect(page.locator("#plan-words")).to_have_text(f"“{WORDS}”")
    expect(page.locator("#plan-steps li").first).to_have_attribute("aria-current", "step")
    expect(page.locator("#waterfall")).to_contain_text("134 of 300 ms")
    expect(page.locator("#latency-source")).to_contain_text("measured")
    expect(page.locator("#latency-total")).to_contain_text("231 of 2000 ms")
    expect(page.locator("#safety-title")).to_have_text("Motion is allowed")
    expect(page.locator("#release")).to_be_hidden()
    site.safety("estop", ["emergency stop is latched"])
    expect(page.locator("#safety-title")).to_have_text("Emergency stop is latched")
    expect(page.locator("#safety-release")).to_contain_text("starts nothing")
    page.locator("#release").click()
    assert asked(site, 1) == [actions.EmergencyStop(on=False)]


def test_what_is_pressed_and_typed_is_asked_for(page, site):
    page.locator("#words").fill("go to the kitchen")
    page.keyboard.press("Enter")
    expect(page.locator("#words")).to_have_value("")
    page.locator("#words").fill("half a sen")
    page.keyboard.press("Escape")
    page.locator("#stop").click()
    page.locator("#estop").click()
    page.locator("#h-log").click()
    page.keyboard.press("Space")
    page.locator("#fault-kind").select_option("freeze")
    page.locator("#fault-target").select_option("navigation")
    page.locator("#fault button").click()
    found = asked(site, 6)
    assert found[:5] == [
        actions.Say(text="go to the kitchen"), "stop", "stop", actions.EmergencyStop(on=True), "stop",
    ]  # fmt: skip
    fault = records.Fault(fault_id=found[5].fault.fault_id, kind="freeze", target="navigation", seconds=3.0)
    assert found[5:] == [actions.Break(fault=fault)]


def test_a_refusal_is_said(page, site):
    site.answers.refusal = "nobody hears the stop: safety is not there"
    page.locator("#stop").click()
    expect(page.locator("#notice")).to_have_text(site.answers.refusal)
    expect(page.locator("#notice")).to_have_attribute("data-bad", "true")


def test_every_control_is_reached_by_tab_and_has_a_name(page):
    names = []
    for _ in range(40):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")
        if name in names:
            break
        names.append(name)
    assert {"stop", "estop", "words", "Send", "speak", "fault-kind", "speed", "log"} <= set(names)
    assert names.index("stop") < names.index("words") < names.index("log")
    for control in page.locator("button:visible, input:visible, select:visible").all():
        assert control.evaluate(
            "e => !!(e.textContent.trim() || e.labels?.length || e.getAttribute('aria-label'))"
        )


def test_words_can_be_read_on_their_ground_in_light_and_dark(page, site):
    """Contrast as WCAG 2 reckons it: 4.5 for words (AA)."""
    script = """() => {
      const rgb = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
      const light = (c) => { const [r, g, b] = c.map((v) => (v /= 255) <= 0.04045 ? v / 12.92
        : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const ground = (e) => { for (; e; e = e.parentElement) {
        const c = rgb(getComputedStyle(e).backgroundColor);
        if (c.length === 3 || c[3] > 0) return c.slice(0, 3);
      } return [255, 255, 255]; };
      const poor = [];
      for (const e of document.querySelectorAll("body *")) {
        const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
        if (!own || !e.checkVisibility() || e.disabled) continue;
        const [a, b] = [light(rgb(getComputedStyle(e).color).slice(0, 3)), light(ground(e))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) poor.push([e.tagName, e.id, e.textContent.trim().slice(0, 30), ratio]);
      }
      return poor;
    }"""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for level in ("ok", "slowed", "stopped", "estop"):
            site.safety(level, ["a reason"])
            page.wait_for_selector(f"#safety[data-level={level}]")
            assert page.evaluate(script) == [], (scheme, level)


def test_on_a_phone_nothing_is_wider_than_the_screen_and_stop_is_in_sight(page):
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#h-log").scroll_into_view_if_needed()
    expect(page.locator("#stop")).to_be_in_viewport()


def test_an_emergency_stop_leaves_a_phone_room_upright_and_on_its_side(page, site):
    site.safety("estop", ["emergency stop is latched; release it with /safety/estop false"])
    page.wait_for_selector("#safety[data-level=estop]")
    for width, height in ((360, 740), (740, 360)):
        page.set_viewport_size({"width": width, "height": height})
        page.locator("#h-log").scroll_into_view_if_needed()
        for button in ("#stop", "#estop", "#release"):
            expect(page.locator(button)).to_be_in_viewport(ratio=1.0)
        box = page.locator("#safety").bounding_box()
        assert box["y"] + box["height"] < 0.4 * height


def test_no_table_is_wider_than_its_panel(page):
    for width in (360, 900, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate(
            "[...document.querySelectorAll('.panel')].filter(p => p.scrollWidth > p.clientWidth).length"
        )
        assert wide == 0, width


def test_a_run_that_ends_is_told_from_a_line_that_is_lost(page, site):
    site.server.close()
    page.wait_for_selector("body[data-link=ended]")
    expect(page.locator("#safety-title")).to_have_text("The run has ended")


def test_without_its_server_the_page_says_so_and_comes_back(page, site):
    site.lose()
    page.wait_for_selector("body[data-link=lost]")
    expect(page.locator("#safety-title")).to_have_text("This page is not connected")
    expect(page.locator("#safety-release")).to_contain_text("goes on with what it was told")
    page.locator("#stop").click()
    expect(page.locator("#notice")).to_contain_text("nothing was sent")
    site.again()
    page.wait_for_selector("body[data-link=live]")
    site.show()
    expect(page.locator("#safety-title")).to_have_text("Motion is allowed")


def test_two_viewers_see_the_same_and_each_has_its_own_answers(page, browser, site):
    other = browser.new_page()
    other.goto(site.url)
    other.wait_for_selector("body[data-link=live]")
    site.safety("stopped", ["stop was said"])
    for one in (page, other):
        expect(one.locator("#safety-title")).to_have_text("Stopped")
    other.locator("#stop").click()
    expect(other.locator("#notice")).to_have_text("stop was sent")
    expect(page.locator("#notice")).to_have_text("")
    other.close()


def test_a_page_from_elsewhere_can_neither_stop_nor_look(browser, site):
    other = browser.new_page()
    other.route("http://evil.example/", lambda route: route.fulfill(body="<p>elsewhere</p>"))
    other.goto("http://evil.example/")
    told = other.evaluate(
        """async (at) => {
          const tries = [];
          await fetch(at + "/stop", { method: "POST", mode: "no-cors" }).catch(() => tries.push("stop"));
          await fetch(at + "/about").catch(() => tries.push("look"));
          await new Promise((done) => { const line = new WebSocket(at.replace("http", "ws") + "/state");
            line.onopen = () => done(); line.onerror = () => { tries.push("listen"); done(); }; });
          return tries;
        }""", site.url,
    )  # fmt: skip
    other.close()
    assert {"look", "listen"} <= set(told)
    assert site.answers.asked == []


def test_a_token_is_asked_for_taken_from_the_address_and_not_kept_in_it(browser):
    with Site("0.0.0.0", "the token that was printed") as site:
        context = browser.new_context()
        page = context.new_page()
        page.goto(site.url)
        expect(page.locator("#door")).to_be_visible()
        expect(page.locator("#stop")).to_be_hidden()
        page.locator("#token").fill("a guess")
        page.keyboard.press("Enter")
        expect(page.locator("#notice")).to_have_text("That is not the token.")
        page.goto("about:blank")
        page.goto(f"{site.url}/#token=the%20token%20that%20was%20printed")
        expect(page.locator("#door")).to_be_hidden()
        assert "token" not in page.url
        assert json.dumps(context.storage_state()).find("the token that was printed") < 0
        context.close()


def test_the_scene_can_be_left_out_and_stays_out(browser, site):
    asked = []

    def tell(route):
        told = route.fetch()
        route.fulfill(response=told, json={**told.json(), "scene": True})

    def draw(route):
        asked.append(route.request.url)
        route.fulfill(body="<p>drawn</p>", content_type="text/html")

    expect.set_options(timeout=PATIENCE)
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    context.route("**/about", tell)
    context.route("**/scene/", draw)
    page = context.new_page()
    frame, off = page.frame_locator("#scene").locator("p"), page.locator("#views [data-mode=off]")
    page.goto(site.url)
    expect(frame).to_have_text("drawn")
    off.click()
    expect(page.locator("#scene-empty")).to_have_text("The 3D scene is off.")
    expect(frame).to_have_count(0)
    page.reload()
    expect(off).to_have_attribute("aria-pressed", "true")
    assert len(asked) == 1
    page.locator("#views [data-mode=top]").click()
    expect(frame).to_have_text("drawn")
    expect(page.locator("#scene-empty")).to_be_hidden()
    context.close()


@pytest.fixture
def said(tmp_path):
    """What Chromium's microphone hears: a sentence, and silence around it."""
    path = tmp_path / "said.wav"
    sound = np.pad(Hibari().speak("go to the kitchen"), (SAMPLE_RATE, 3 * SAMPLE_RATE))
    soundfile.write(path, sound, SAMPLE_RATE)
    return path


LATE_LINE = """
window.WebSocket = class extends WebSocket {
  #open = !this.url.endsWith("/audio");
  get readyState() { return this.#open ? super.readyState : WebSocket.CONNECTING; }
  set onopen(call) { super.onopen = () => setTimeout(() => { this.#open = true; call(); }, 2500); }
};
"""
"""The sound's line opens in the middle of the sentence, as beside a busy server."""


@pytest.mark.audio
@pytest.mark.parametrize("script", ["", LATE_LINE], ids=["", "late"])
def test_what_the_browsers_microphone_hears_is_what_was_said(site, world, said, launch, script):
    browser = launch(
        "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={said}%noloop",
    )  # fmt: skip
    page = browser.new_page(permissions=["microphone"])
    page.add_init_script(script)
    page.set_default_timeout(PATIENCE)
    page.goto(site.url)
    page.wait_for_selector("body[data-link=live]")
    page.locator("#speak").click()
    expect(page.locator("#speak")).to_have_attribute("aria-pressed", "true")
    deadline = time.monotonic() + 60.0
    while len(site.answers.heard) < 2 * 5 * SAMPLE_RATE and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    page.locator("#speak").click()
    expect(page.locator("#talk-note")).to_have_text("")
    browser.close()
    sound = np.frombuffer(site.answers.heard, "<i2").astype(np.int16)
    grammar = Grammar.of(world)
    listener, heard = Listener(Pocketsphinx(grammar), grammar), []
    for k in range(0, len(sound) - CHUNK, CHUNK):
        one = listener.feed(sound[k : k + CHUNK], k / SAMPLE_RATE)
        heard += [one.text] if one is not None and one.complete else []
    assert heard == ["go to the kitchen"]


COUNTED = """
window.lines = 0;
window.WebSocket = class extends WebSocket {
  constructor(at) { super(at); window.lines += this.url.endsWith("/audio"); }
};
"""


@pytest.mark.audio
def test_a_second_press_while_the_browser_asks_opens_no_second_line(site, launch):
    """It would be heard on after the button was let go."""
    browser = launch("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    page = browser.new_page(permissions=["microphone"])
    page.add_init_script(COUNTED)
    page.set_default_timeout(PATIENCE)
    page.goto(site.url)
    page.wait_for_selector("body[data-link=live]")
    page.evaluate("for (let i = 0; i < 3; i++) document.getElementById('speak').click()")
    expect(page.locator("#speak")).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(1000)
    assert page.evaluate("window.lines") == 1
    browser.close()


def test_the_player_takes_the_servers_part():
    """What the page asks of a run that goes on it asks of a recorded one alike."""
    for name in ("about", "stop", "act", "hear", "looked_at"):
        assert callable(getattr(Player, name))
