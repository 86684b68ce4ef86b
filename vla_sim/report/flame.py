"""A flame graph as one HTML file that needs nothing else: width is time, a row is a call deeper."""

from __future__ import annotations

import zlib

from vla_sim.common.profiling.tree import Call, Sampled
from vla_sim.report.parts import Markup, join, tag

WIDTH, ROW = 1200.0, 18.0
NARROW = 0.6
"""[px] What is narrower is not drawn."""
LETTER = 6.6
"""[px] of the width of a letter."""

STYLE = Markup("""
body{font:14px sans-serif;margin:24px;max-width:1240px;color:#1c1b1a;background:#fffefb}
svg{width:100%;height:auto;display:block;margin:4px 0 20px}
text{font:11px monospace;pointer-events:none;fill:#1c1b1a}
g.call{cursor:pointer}g.call:hover rect{stroke:#1c1b1a;stroke-width:1}
p{color:#5b5853}
""")
ZOOM = Markup("""
document.querySelectorAll('svg').forEach(svg => {
  const calls = [...svg.querySelectorAll('g.call')], whole = svg.viewBox.baseVal.width;
  calls.forEach(g => g.addEventListener('click', () => {
    const x0 = +g.dataset.x, w = +g.dataset.w, scale = whole / w;
    calls.forEach(o => {
      const x = (o.dataset.x - x0) * scale, width = o.dataset.w * scale;
      const left = Math.max(0, x), right = Math.min(whole, x + width), rect = o.querySelector('rect');
      o.style.display = right - left < 0.5 ? 'none' : '';
      rect.setAttribute('x', left); rect.setAttribute('width', Math.max(0, right - left - 0.5));
      const text = o.querySelector('text'), room = Math.floor((right - left - 6) / 6.6);
      text.setAttribute('x', left + 3);
      text.textContent = room > 2 ? o.dataset.name.slice(0, room) : '';
    });
  }));
});
""")


def page(found: Sampled) -> str:
    """The flame graphs of a node's threads."""
    busy = found.seconds - found.waited
    share = 100.0 * found.waited / found.seconds if found.seconds > 0.0 else 0.0
    parts = [
        tag("h1", f"{found.node}: where its time went"),
        tag("p", (
            f"{found.seconds:.1f} s of the wall clock, looked at every {1e3 * found.interval:g} ms. The main "
            f"thread had nothing to do for {share:.0f} % of it, left out here; {busy:.2f} s are left. "
            "A click on a call makes it as wide as the page; one on the lowest shows all again."
        )),
    ]  # fmt: skip
    for tree in found.threads:
        if tree.seconds > 0.0:
            parts += [tag("h2", f"thread {tree.function}, {tree.seconds:.2f} s"), _graph(tree)]
    head = join([
        tag("meta", charset="utf-8"), tag("title", f"{found.node}: flame graph"), tag("style", STYLE),
    ])  # fmt: skip
    return "<!doctype html>\n" + tag("html", tag("head", head), tag("body", *parts, tag("script", ZOOM)))


def _graph(tree: Call) -> Markup:
    boxes: list[Markup] = []
    deepest = _draw(tree, tree, 0.0, 0, boxes)
    height = (deepest + 1) * ROW
    says = f"Flame graph of thread {tree.function}"
    return tag("svg", *boxes, viewBox=f"0 0 {WIDTH:g} {height:g}", role="img", aria_label=says)


def _draw(call: Call, whole: Call, x: float, depth: int, boxes: list[Markup]) -> int:
    width = call.seconds / whole.seconds * WIDTH
    if width < NARROW:
        return depth - 1
    room = int((width - 6.0) / LETTER)
    share = 100.0 * call.seconds / whole.seconds
    boxes.append(
        tag(
            "g",
            tag("title", f"{call.function} ({call.where})\n{call.seconds:.3f} s, {share:.1f} %, "
                f"itself {call.own:.3f} s"),
            tag("rect", x=f"{x:.2f}", y=f"{depth * ROW:g}", width=f"{max(0.1, width - 0.5):.2f}",
                height=f"{ROW - 1:g}", fill=_colour(call.where)),
            tag("text", call.function[:room] if room > 2 else "",
                x=f"{x + 3:.2f}", y=f"{depth * ROW + 12:g}"),
            class_="call", data_x=f"{x:.2f}", data_w=f"{width:.2f}", data_name=call.function,
        )
    )  # fmt: skip
    deepest = depth
    for one in sorted(call.calls, key=lambda c: c.function):
        deepest = max(deepest, _draw(one, whole, x, depth + 1, boxes))
        x += one.seconds / whole.seconds * WIDTH
    return deepest


def _colour(where: str) -> str:
    """The same for all of one file: ours warm, others grey."""
    file = where.partition(":")[0]
    hue = zlib.crc32(file.encode()) % 50
    return f"hsl({hue} 85% 72%)" if file.startswith("vla_sim") else f"hsl(40 8% {72 + hue // 4}%)"
