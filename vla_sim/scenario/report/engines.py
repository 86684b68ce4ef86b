"""Engines side by side in a report: each scenario that was played on several, and where they lie apart."""

from __future__ import annotations

from collections.abc import Sequence

from vla_sim.report.parts import Markup, scroll, tag
from vla_sim.scenario.compare import RULE, compared
from vla_sim.scenario.record import RunRecord
from vla_sim.scenario.statistics import by_engine, by_scenario


def engines_section(records: Sequence[RunRecord]) -> Markup:
    engines = list(by_engine(records))
    bodies = []
    for name, own in by_scenario(records).items():
        played = by_engine(own)
        if len(played) < 2:
            continue
        rows = [tag("tr", tag("th", name, colspan=len(engines) + 2, scope="rowgroup", class_="group"))]
        for one in compared(played):
            shown = [tag("td", one.cells.get(e, "not played"), class_="n") for e in engines]
            words = f"≠ {one.apart}" if one.apart else tag("span", "alike", class_="soft")
            note = tag("td", words, class_=f"why-cell{' differs' if one.apart else ''}")
            rows.append(tag("tr", tag("th", one.title, scope="row", class_="n"), *shown, note))
        bodies.append(tag("tbody", *rows))
    head = tag("h2", "Engines side by side", id="engines")
    if not bodies:
        return tag("section", head, tag("p", "No scenario was played on more than one engine."))
    heads = tag("tr", *(tag("th", h, scope="col") for h in ["", *engines, "difference"]))
    grid = scroll(tag("table", tag("thead", heads), *bodies), "Engines side by side")
    return tag("section", head, tag("p", RULE, class_="soft"), grid)
