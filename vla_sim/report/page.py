"""The page of a report around its content: an HTML document with its style, its script and its policy."""

from __future__ import annotations

import base64
import hashlib

from vla_sim.report.parts import Markup, Part, tag

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f5f1; --card: #ffffff; --ink: #1c2127; --soft: #5a636e; --line: #dcd9d0; --faint: #eceae3;
  --pass: #0a6b4c; --pass-back: #e0f1ea; --fail: #b02a1c; --fail-back: #fbe8e4;
  --warn: #805400; --warn-back: #fbefd3; --blue: #1b5fb8; --blue-back: #d9e6f7;
  --wall: #7a828c; --thing: #d5d0c4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #13161a; --card: #1b1f24; --ink: #e4e7ea; --soft: #9ba6b1; --line: #353c44; --faint: #262b31;
    --pass: #5cc79d; --pass-back: #17352b; --fail: #ff8d7d; --fail-back: #431f1b;
    --warn: #eeba5c; --warn-back: #3c2d12; --blue: #7db4ff; --blue-back: #1e3553;
    --wall: #77818c; --thing: #343a41;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--page); color: var(--ink); line-height: 1.5;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: break-word; }
header, main, footer { max-width: 76rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.25rem; }
footer { padding: 2rem 1.25rem 3rem; color: var(--soft); font-size: .875rem; }
h1 { font-size: 1.1rem; font-weight: 600; color: var(--soft); margin: 0 0 .25rem; }
h2 { font-size: 1.4rem; line-height: 1.25; margin: 3rem 0 .9rem; letter-spacing: -.01em; }
h3 { font-size: 1.15rem; margin: 2.25rem 0 .3rem; }
h4 { font-size: 1rem; margin: 0; display: inline; }
h5 { font-size: .95rem; margin: 1.6rem 0 .5rem; }
p { margin: 0 0 .75rem; max-width: 46rem; }
a { color: var(--blue); text-underline-offset: .15em; }
.verdict { font-size: clamp(1.6rem, 4.5vw, 2.3rem); line-height: 1.2; font-weight: 650;
  letter-spacing: -.02em; margin: 0 0 .5rem; max-width: none; }
.played { max-width: none; }
.soft, caption, figcaption { color: var(--soft); }
.small, caption, figcaption { font-size: .875rem; }
.is-passed { color: var(--pass); } .is-failed { color: var(--fail); } .is-later { color: var(--warn); }
.mark { display: inline-block; white-space: nowrap; font-size: .8125rem; font-weight: 600; line-height: 1.2;
  padding: .2rem .5rem; border-radius: .3rem; }
.mark.is-passed { background: var(--pass-back); } .mark.is-failed { background: var(--fail-back); }
.mark.is-later { background: var(--warn-back); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1px;
  margin: 1.5rem 0 0; background: var(--line); border: 1px solid var(--line); border-radius: .5rem;
  overflow: hidden; }
.tiles > div { background: var(--card); padding: .8rem 1rem; }
.tiles dt { color: var(--soft); font-size: .8125rem; }
.tiles dd { margin: .1rem 0 0; font-size: 1.3rem; font-weight: 600; line-height: 1.25; }
.tiles dd span { display: block; font-size: .8125rem; font-weight: 400; color: var(--soft);
  margin-top: .15rem; }
nav ul { list-style: none; padding: 0; margin: 1rem 0 .75rem; display: flex; flex-wrap: wrap;
  gap: .25rem 1.25rem; }
.scroll { overflow-x: auto; margin: .75rem 0 1rem; border-radius: .4rem; }
.scroll:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; background: var(--card);
  border: 1px solid var(--line); }
caption { text-align: left; padding: 0 0 .45rem; position: sticky; left: 0; }
th, td { text-align: left; vertical-align: top; padding: .45rem .7rem; border-top: 1px solid var(--faint); }
thead th { color: var(--soft); font-weight: 500; font-size: .8125rem; border-top: 0;
  border-bottom: 1px solid var(--line); vertical-align: bottom; white-space: nowrap; }
tbody th { font-weight: 500; }
tbody th.group { background: var(--faint); font-weight: 600; }
td svg { display: block; margin-top: .3rem; }
.n { white-space: nowrap; }
.wide { min-width: 15rem; }
.scenarios { min-width: 62rem; }
.tight th, .tight td { padding-top: .2rem; padding-bottom: .2rem; }
.events td:first-child { width: 5.5rem; color: var(--soft); }
.why-cell { min-width: 17rem; overflow-wrap: anywhere; }
td.differs { background: var(--warn-back); }
.why { margin: .35rem 0 0; padding-left: 1.1rem; }
.why li { margin: .1rem 0; max-width: 60rem; }
.failures { list-style: none; padding: 0; margin: 0; }
.failures > li { margin: 0 0 .6rem; padding: .7rem 1rem; overflow-wrap: anywhere; background: var(--card);
  border: 1px solid var(--line); border-left: .3rem solid var(--fail); border-radius: .35rem; }
.failures > li.later { border-left-color: var(--warn); }
details.run { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin: .6rem 0; }
details.run > summary { cursor: pointer; padding: .7rem 1rem; line-height: 1.7; }
details.run > summary .facts { color: var(--soft); font-size: .9rem; margin-left: .4rem; }
details.run > div { padding: .2rem 1rem 1.2rem; border-top: 1px solid var(--faint); }
details.run table { border-color: var(--faint); }
summary:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; border-radius: .4rem; }
.again { margin: 1rem 0; max-width: none; }
code.all { display: block; user-select: all; -webkit-user-select: all; background: var(--faint);
  border-radius: .35rem; padding: .55rem .75rem; margin-top: .25rem; overflow-wrap: anywhere;
  white-space: pre-wrap; }
code, pre { font: .84rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre { background: var(--faint); border-radius: .35rem; padding: .6rem .75rem; margin: 0; width: max-content;
  min-width: 100%; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr); gap: 0 2rem; align-items: start; }
@media (min-width: 60rem) { .pair { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
figure { margin: 1rem 0; }
figure > svg, figure > .scroll > svg { display: block; }
figcaption { margin-top: .4rem; max-width: 46rem; }
svg { font-family: inherit; }
svg.map { width: 100%; max-width: 40rem; height: auto; background: var(--card);
  border: 1px solid var(--faint); border-radius: .35rem; }
svg.chart { width: 100%; min-width: 34rem; max-width: 46rem; height: auto; }
.frames { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(13rem, 100%), 1fr)); gap: 1rem; }
.frames figure { margin: 0; }
.frames img { display: block; width: 100%; height: auto; border-radius: .3rem; background: var(--faint); }
.frames img + img { margin-top: .3rem; }
.facts-list { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .15rem 1rem;
  margin: .5rem 0; font-size: .9rem; }
.facts-list dt { color: var(--soft); } .facts-list dd { margin: 0; overflow-wrap: anywhere; }
.tools { display: flex; gap: .5rem; margin: 0 0 .5rem; }
.tools button { font: inherit; font-size: .875rem; color: var(--ink); background: var(--card);
  cursor: pointer; border: 1px solid var(--line); border-radius: .35rem; padding: .3rem .7rem; }
svg text { fill: var(--ink); font-size: 13px; }
svg .t-soft { fill: var(--soft); font-size: 12px; }
svg .t-warn { fill: var(--warn); } svg .t-fail { fill: var(--fail); font-weight: 600; }
svg .t-end { text-anchor: end; } svg .t-mid { text-anchor: middle; }
svg .t-halo { paint-order: stroke; stroke: var(--card); stroke-width: 3px; stroke-linejoin: round; }
.axis { stroke: var(--line); fill: none; } .grid { stroke: var(--faint); fill: none; }
.limit { stroke: var(--fail); stroke-width: 1.5; fill: none; }
.goal { stroke: var(--pass); stroke-width: 1.5; stroke-dasharray: 4 3; fill: none; }
.room { fill: var(--faint); } .bar { fill: var(--blue); } .bar-side { fill: var(--wall); }
.bar-over { fill: var(--fail); }
.z-goal { fill: var(--pass-back); } .z-limit { fill: var(--faint); } .z-over { fill: var(--fail-back); }
.dots { stroke: var(--blue); stroke-width: 5; stroke-linecap: round; stroke-opacity: .75; fill: none; }
.box { fill: none; stroke: var(--ink); stroke-width: 1.2; } .median { stroke: var(--ink); stroke-width: 2.5; }
.curve { stroke: var(--blue); stroke-width: 1.8; fill: none; stroke-linejoin: round; }
.area { fill: var(--blue-back); stroke: none; }
.lowest { fill: var(--card); stroke: var(--ink); stroke-width: 1.8; }
.tick { stroke: var(--soft); stroke-width: 1.5; }
.given { stroke: var(--warn); stroke-dasharray: 2 3; stroke-width: 1.5; }
.cross { stroke: var(--fail); stroke-width: 3; fill: none; }
.wall { fill: var(--wall); } .thing { fill: var(--thing); stroke: var(--wall); stroke-width: 1; }
.keep-out { fill: none; stroke: var(--fail); stroke-width: 1.2; stroke-dasharray: 5 4; }
.place { fill: none; stroke: var(--soft); stroke-width: 1.5; }
.way { stroke: var(--blue); stroke-width: 3; fill: none; stroke-linejoin: round; stroke-linecap: round; }
.ways { stroke: var(--blue); stroke-width: 1.6; fill: none; stroke-linejoin: round; }
.ways-failed { stroke: var(--fail); stroke-width: 2; stroke-dasharray: 6 4; fill: none;
  stroke-linejoin: round; }
.stamp { stroke: var(--blue); stroke-width: 7; stroke-linecap: round; fill: none; }
.start { fill: var(--card); stroke: var(--blue); stroke-width: 3; }
.end { fill: var(--blue); stroke: var(--card); stroke-width: 2; }
.object { stroke: var(--ink); stroke-width: 1; } .moved { fill: none; stroke: var(--ink); stroke-width: 2; }
.moving { stroke: var(--ink); stroke-dasharray: 2 3; }
.added { fill: var(--warn-back); stroke: var(--warn); stroke-width: 1.5; }
.unmapped { stroke-dasharray: 4 3; }
.track { fill: none; stroke: var(--warn); stroke-width: 1.5; }
.waypoint { fill: var(--warn); }
.put { fill: var(--card); stroke: var(--warn); stroke-width: 2; }
.put-way { stroke: var(--warn); stroke-dasharray: 2 3; stroke-width: 1.5; }
.scale { stroke: var(--ink); stroke-width: 2; fill: none; }
.whole { fill: var(--faint); }
.between { fill: var(--blue); fill-opacity: .45; }
.point { fill: var(--blue); }
@media (max-width: 30rem) { svg.map text, svg.map .t-soft { font-size: 18px; } }
@media print {
  .tools { display: none; }
}
"""
SCRIPT = """
"use strict";
(function () {
  function show() {
    var at = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (at && at.tagName === "DETAILS") { at.open = true; at.scrollIntoView(); }
  }
  addEventListener("hashchange", show);
  var all = document.querySelectorAll("details.run");
  var shut = [];
  addEventListener("beforeprint", function () {
    all.forEach(function (d) { if (!d.open) { d.open = true; shut.push(d); } });
  });
  addEventListener("afterprint", function () { shut.splice(0).forEach(function (d) { d.open = false; }); });
  var tools = document.getElementById("tools");
  [["Open all", true], ["Close all", false]].forEach(function (one) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = one[0];
    button.onclick = function () { all.forEach(function (d) { d.open = one[1]; }); };
    if (tools && all.length > 1) { tools.appendChild(button); }
  });
  show();
})();
"""


def page(title: str, *body: Part) -> str:
    """A whole HTML document. Its policy lets nothing in from outside and no script run but its own."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        Markup(f"<style>{STYLE}</style>"),
    )
    script = Markup(f"<script>{SCRIPT}</script>")
    return f"<!DOCTYPE html>\n{tag('html', head, tag('body', *body, script), lang='en')}\n"


def standalone(picture: Markup | None) -> bytes | None:
    """A drawing as an SVG file that stands alone; None of none."""
    if picture is None:
        return None
    head = '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" '
    inside = picture.removeprefix("<svg ").replace(">", f"><style>{STYLE}</style>", 1)
    return (head + inside).encode()
