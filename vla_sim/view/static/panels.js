// Every panel that is words and numbers: a section of the state in, its elements out. Text goes in as text.

const $ = (id) => document.getElementById(id);

export function element(kind, attributes = {}, ...children) {
  const made = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "data") Object.assign(made.dataset, value);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function showClock(clock) {
  $("stamp").textContent = clock.stamp_s.toFixed(1);
  $("pace").parentElement.hidden = clock.real_time_factor === null;
  $("pace").textContent = clock.real_time_factor?.toFixed(2);
}

export function showSafety(safety) {
  $("safety").dataset.level = safety.level;
  set("safety-title", safety.title);
  const refused = safety.refused ? [`refused: ${safety.refused}`] : [];
  set("safety-why", [...safety.reasons, ...refused].join("; "));
  set("safety-release", safety.release);
  $("release").hidden = safety.level !== "estop";
}

// An element is touched only when its words change, so that a screen reader says them once.
function set(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

export function showCommand(command) {
  const any = command.id !== undefined;
  set("plan-words", any ? `“${command.text}”` : "");
  $("plan-steps").replaceChildren(...(command.steps ?? []).map((step) => element("li",
    { data: { state: step.state }, ...(step.state === "running" ? { "aria-current": "step" } : {}) },
    element("span", {}, step.text), element("span", { class: "how" }, step.state))));
  const end = $("plan-end");
  const forbidden = command.forbidden ?? [];
  const words = !any ? ["No command heard yet."]
    : forbidden.length ? [`Not allowed by safety: ${forbidden.join("; ")}`]
    : command.state === "running" ? []
    : [command.state, command.detail || command.answer].filter(Boolean);
  end.textContent = words.join(": ");
  end.className = !any ? "empty"
    : forbidden.length || ["failed", "rejected", "cancelled"].includes(command.state) ? "bad"
    : command.state === "succeeded" ? "good" : "";
}

export function showLatency(latency, budgets) {
  const box = $("waterfall");
  set("latency-source", latency.bars.length ? `${latency.source}, from ${latency.from === "typed"
    ? "when it was sent" : "the last word"}` : "");
  if (!latency.bars.length) {
    box.className = "empty";
    box.textContent = "No command heard yet.";
    set("latency-total", "");
    return;
  }
  const whole = Math.max(budgets.total, ...latency.bars.map((bar) => bar.end_ms)) * 1.02;
  const share = (ms) => `${Math.max(0, (100 * ms) / whole).toFixed(2)}%`;
  box.className = "fall";
  box.replaceChildren(...latency.bars.flatMap((bar) => {
    const took = bar.end_ms - bar.begin_ms;
    const over = took > bar.limit_ms;
    const work = element("span", { class: over ? "work over" : "work" });
    const budget = element("span", { class: "budget" });
    work.style.left = share(bar.begin_ms);
    work.style.width = share(took);
    budget.style.left = share(budgets.total);
    return [
      element("span", { title: bar.detail }, bar.stage),
      element("span", { class: "track", "aria-hidden": "true" }, work, budget),
      element("span", { class: over ? "n over-limit" : "n" },
        `${took.toFixed(took < 10 ? 1 : 0)} of ${bar.limit_ms} ms`),
    ];
  }));
  set("latency-total", latency.total_ms === null ? "Nothing has moved for it yet."
    : `${latency.total_ms.toFixed(0)} of ${budgets.total} ms to the first motion (dashed: the budget).`);
}

const RATED = ["/scan", "/head_camera/color/image_raw", "/perception/objects", "/cmd_vel", "/joint_states"];

export function showMachine(machine) {
  const box = $("machine");
  if (machine.cpu_percent === undefined) {
    box.replaceChildren(element("p", { class: "empty" },
      "No monitor: it is switched off, or starting. Rates, CPU and memory come from it."));
    return;
  }
  const gauge = (name, value, unit) => element("span", {}, element("span", { class: "soft" }, `${name} `),
    element("b", {}, String(value)), ` ${unit}`);
  const table = (title, head, rows) => element("table", {}, element("caption", { class: "hidden" }, title),
    element("thead", {}, element("tr", {}, ...head.map((h, i) =>
      element("th", { scope: "col", class: i ? "n" : "" }, h)))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell, i) =>
      element("td", { class: i ? "n" : "" }, cell))))));
  const rates = Object.entries(machine.rates_hz);
  rates.sort(([a], [b]) => RATED.includes(b) - RATED.includes(a) || a.localeCompare(b));
  box.replaceChildren(
    element("p", { class: "gauges" }, gauge("CPU", machine.cpu_percent, "% of all cores"),
      gauge("memory", machine.memory_percent, "%"), gauge("disk", machine.disk_percent, "%"),
      machine.load ? gauge("load", machine.load, "") : null),
    element("div", { class: "tables" },
      table("Latency of the stages", ["stage", "p50 [ms]", "p95 [ms]", "limit [ms]"], machine.stages.map((s) =>
        [s.stage, String(s.p50_ms), mark(s.p95_ms, s.p95_ms > s.limit_ms), String(s.limit_ms)])),
      table("Rates", ["topic", "rate [Hz]"], rates.slice(0, 10).map(([name, hz]) => [name, hz.toFixed(1)])),
      table("Nodes", ["node", "CPU [% of a core]", "memory [MB]"], machine.nodes.map((n) =>
        [mark(n.node, n.level !== "ok"), n.cpu_percent < 0 ? "–" : String(n.cpu_percent),
          n.memory_mb < 0 ? "–" : String(n.memory_mb)]))));
}

const mark = (text, bad) => element("span", bad ? { class: "over-limit" } : {}, String(text));

export function showLines(id, lines, empty) {
  const list = $(id);
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 30;
  list.replaceChildren(...lines.map(([stamp, kind, who, text]) => element("li", { data: { kind } },
    element("span", { class: "n" }, `${stamp.toFixed(1)} s`), element("span", {}, who),
    element("span", { data: { kind } }, text))));
  if (!lines.length) list.append(element("p", { class: "empty" }, empty));
  if (atEnd) list.scrollTop = list.scrollHeight;
}

export function showAlerts(alerts) {
  $("alerts-now").replaceChildren(...(alerts.now.length
    ? alerts.now.map((alert) => element("li", { class: alert.level }, alert.text))
    : [element("li", { class: "empty" }, "None is raised.")]));
  showLines("alerts", alerts.lines, "There have been none.");
}
