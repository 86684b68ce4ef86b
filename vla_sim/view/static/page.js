// The page: what comes from the server goes to the panels, what is pressed goes to the server.

import { showPicture } from "./camera.js";
import { ask, Connection, showToken } from "./connection.js";
import { Faults } from "./faults.js";
import { Map2D } from "./map.js";
import * as panels from "./panels.js";
import { Replay } from "./replay.js";
import { Speech } from "./speech.js";

const $ = (id) => document.getElementById(id);
const NOTICE = 6000; // [ms] that a word of success stays

let budgets = { total: 0 };
let begun = false;
const map = new Map2D($("map"));
const faults = new Faults(act);
const replay = new Replay(act);

function notice(text, bad = false) {
  const box = $("notice");
  box.dataset.bad = bad;
  box.textContent = text;
  clearTimeout(notice.timer);
  if (!bad) notice.timer = setTimeout(() => (box.textContent = ""), NOTICE);
}

async function act(body, path = "do") {
  try {
    notice(await ask(path, body));
    return true;
  } catch (error) {
    notice(error.message, true);
    return false;
  }
}

const link = (state, words) => {
  document.body.dataset.link = state;
  $("mode").textContent = words;
};

const connection = new Connection({
  onDenied() {
    link("lost", "locked");
    $("door").hidden = false;
    $("main").hidden = $("safety").hidden = true;
  },
  onOpen(about) {
    $("door").hidden = true;
    $("main").hidden = $("safety").hidden = false;
    document.body.dataset.mode = about.mode;
    link(about.mode, about.mode === "live" ? "live" : "recorded");
    document.title = `${about.world.name} · vla_sim`;
    $("robot").textContent = about.robot;
    $("world").textContent = `in ${about.world.name}`;
    budgets = about.world.budgets_ms;
    map.world(about.world);
    faults.offer(about.world.kinds);
    $("speed").value = String(about.speed);
    notice("");
    openScene(about.scene);
  },
  onSections(now) {
    if (now.clock) panels.showClock(now.clock);
    if (now.safety) panels.showSafety(now.safety);
    if (now.command) panels.showCommand(now.command);
    if (now.latency) panels.showLatency(now.latency, budgets);
    if (now.machine) panels.showMachine(now.machine);
    if (now.alerts) panels.showAlerts(now.alerts);
    if (now.events) panels.showLines("events", now.events.lines, "Nothing yet.");
    if (now.log) panels.showLines("log", now.log.lines, "Nothing is logged yet.");
    if (now.faults) faults.show(now.faults.now);
    if (now.can) offer(now.can);
    if (now.replay) replay.show(now.replay);
    if (now.robot) describe(now.robot);
    map.take(now);
  },
  onPicture: showPicture,
  onLost(ended) {
    if (!["lost", "ended"].includes(document.body.dataset.link)) {
      link(ended ? "ended" : "lost", ended ? "ended" : "not connected");
      panels.showSafety(ended ? {
        level: "waiting", title: "The run has ended", reasons: ["what is shown here is its last moment"],
        release: "When another one begins at this address, the page shows it by itself.",
      } : {
        level: "lost", title: "This page is not connected",
        reasons: ["what it shows is old, and its buttons reach nobody"],
        release: "The robot goes on with what it was told; stop it by word or by its remote control. "
          + "The page tries again by itself.",
      });
      speech.end();
    }
  },
});

function offer(can) {
  $("reset").hidden = !can.reset;
  $("pace-label").hidden = !can.speed;
  $("simulation").hidden = !can.reset && !can.speed;
  $("speak").disabled = !can.speak;
  for (const one of $("fault").elements) one.disabled = !can.faults;
  $("command").querySelector(".go").disabled = !can.command;
}

function describe(robot) {
  const [forward, left, turn] = robot.velocity;
  const at = robot.base ? `at ${robot.base[0].toFixed(2)}, ${robot.base[1].toFixed(2)} m; ` : "";
  $("map-note").textContent = `${at}${forward.toFixed(2)} m/s ahead, ${left.toFixed(2)} m/s left, `
    + `${turn.toFixed(2)} rad/s${robot.arm ? `; arm: ${robot.arm}` : ""}${robot.holding ? ", holding" : ""}`;
}

// A browser without a graphics processor spends all of its time on the scene, and this one remembers it.
const OFF = "off";
const sceneIsOff = () => localStorage.getItem("scene") === OFF;

// The 3D scene is a page of its own in a frame; its camera is this viewer's alone.
async function openScene(there) {
  if (!there) {
    $("scene-empty").textContent = "There is no 3D scene: install the extra, vla_sim[view].";
    return;
  }
  const frame = $("scene");
  const opened = frame.contentWindow.__viserMutable !== undefined; // then it connects again by itself
  if (!opened && !frame.dataset.loading) drawScene(frame);
  if (begun) return;
  begun = true;
  const { MODES, SceneCamera } = await import("./scene_camera.js");
  const camera = new SceneCamera(frame);
  const show = () => {
    const mode = sceneIsOff() ? OFF : camera.mode;
    for (const one of $("views").children) one.setAttribute("aria-pressed", one.dataset.mode === mode);
  };
  $("views").replaceChildren(...[...MODES, OFF].map((mode) => panels.element("button", {
    type: "button", data: { mode },
    onclick: () => {
      const [was, off] = [sceneIsOff(), mode === OFF];
      localStorage.setItem("scene", off ? OFF : "on");
      if (!off) camera.mode = mode;
      if (was !== off) drawScene(frame);
      show();
    },
  }, mode)));
  show();
}

function drawScene(frame) {
  const off = sceneIsOff();
  $("scene-empty").hidden = false;
  $("scene-empty").textContent = off ? "The 3D scene is off." : "The 3D scene is loading.";
  frame.dataset.loading = "yes";
  frame.onload = () => {
    delete frame.dataset.loading;
    if (off) return;
    $("scene-empty").hidden = true;
    frame.contentWindow.addEventListener("keydown", onKey, true);
  };
  frame.src = off ? "about:blank" : "scene/";
}

const stop = () => act(undefined, "stop");
$("stop").addEventListener("click", stop);
$("estop").addEventListener("click", () => act({ do: "estop", on: true }));
$("release").addEventListener("click", () => act({ do: "estop", on: false }));
$("reset").addEventListener("click", () => {
  if (confirm("Put the robot and all objects back to where they were at the beginning?")) act({ do: "reset" });
});
$("speed").addEventListener("change", () => act({ do: "speed", factor: Number($("speed").value) }));
$("truth").addEventListener("change", () => {
  map.truth = $("truth").checked;
  map.take({});
});

// Esc stops wherever one is, Space where it does nothing else.
function onKey(event) {
  if (document.body.dataset.mode !== "live" || event.repeat) return;
  const free = !event.target.closest?.("button, input, select, a, summary");
  if (event.key === "Escape" || (event.key === " " && free)) {
    event.preventDefault();
    stop();
  }
}
document.addEventListener("keydown", onKey, true);

$("command").addEventListener("submit", async (event) => {
  event.preventDefault();
  const words = $("words").value.trim();
  if (words && await act({ do: "command", text: words })) $("words").value = "";
});

const speech = new Speech((on, note) => {
  $("speak").setAttribute("aria-pressed", on);
  $("speak").textContent = on ? "Listening: end" : "Speak";
  $("talk-note").textContent = note;
});
$("speak").addEventListener("click", () => (speech.on ? speech.end() : speech.begin()));

new IntersectionObserver((entries) => connection.wish({ pictures: entries.at(-1).isIntersecting }))
  .observe($("picture"));

async function enter(token) {
  if (token && !(await showToken(token).catch(() => false))) notice("That is not the token.", true);
  connection.open();
}
$("door").addEventListener("submit", (event) => {
  event.preventDefault();
  enter($("token").value.trim());
  $("token").value = "";
});

const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) history.replaceState(null, "", location.pathname); // it is not to stay in the history
enter(given);
