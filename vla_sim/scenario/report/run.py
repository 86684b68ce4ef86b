"""One run in a report: why it failed, how to play it again, its map, curves, pictures, events."""

from __future__ import annotations

from collections.abc import Sequence

from vla_sim.report import charts
from vla_sim.report.map import moved, run_map
from vla_sim.report.parts import Markup, Part, figure, join, number, photo, plural, scroll, table, tag
from vla_sim.report.plan import Plan
from vla_sim.report.timeline import timeline
from vla_sim.scenario.record import CommandRecord, RunRecord, Shot
from vla_sim.scenario.report import added
from vla_sim.scenario.report.site import Site, failed, mark, run_name
from vla_sim.scenario.statistics import commands_of

EVENTS, LOG_LINES = 150, 40


def one_run(record: RunRecord, site: Site) -> Markup:
    bad = failed(record)
    facts = [
        f"first motion {number(record.total_ms, 0, 'ms')}" if record.total_ms is not None else None,
        None if record.error else f"{record.path_length:.1f} m walked",
        f"nearest {record.clearance:.2f} m" if record.clearance is not None else None,
        plural(len(record.contacts), "forbidden contact") if record.contacts else None,
    ]
    head = tag(
        "summary", mark(record), " ", tag("h4", run_name(record)),
        tag("span", " · ".join(f for f in facts if f), class_="facts"),
    )  # fmt: skip
    body = tag(
        "div",
        _why(record) if bad else None,
        _again(record),
        _spoken(record),
        _checks(record),
        _drawings(record, site),
        _frames(record, site),
        tag("div", tag("div", _events(record)), tag("div", _things(record), _log(record), _facts(record)),
            class_="pair"),
    )  # fmt: skip
    return tag("details", head, body, class_="run", open=bad, id=site.anchors[id(record)])


def _why(record: RunRecord) -> Markup:
    reasons = list(record.reasons) or ([f"broke off: {record.error}"] if record.error else [])
    entries = (tag("li", r) for r in reasons or ["no reason was recorded"])
    return tag("ul", *entries, class_="why is-failed")


def _again(record: RunRecord) -> Markup | None:
    if not record.again:
        return None
    return tag("p", "To play this run again:", tag("code", record.again, class_="all"), class_="again")


def _spoken(record: RunRecord) -> Markup | None:
    pairs = [("Commanded", record.command), ("It answered", record.answer)]
    return _pairs([(name, f"“{words}”") for name, words in pairs if words])


def _pairs(pairs: Sequence[tuple[str, str]]) -> Markup | None:
    if not pairs:
        return None
    return tag("dl", *(join([tag("dt", k), tag("dd", v)]) for k, v in pairs), class_="facts-list")


def _checks(record: RunRecord) -> Markup | None:
    if not record.checks:
        return None
    rows = [
        [c.name, tag("span", "✓ passed" if c.passed else "✗ failed",
                     class_=f"mark {'is-passed' if c.passed else 'is-failed'}"),
         tag("td", c.detail, class_="why-cell")]
        for c in sorted(record.checks, key=lambda c: c.passed)
    ]  # fmt: skip
    return join([tag("h5", "Checks"), table(None, ["What had to hold", "", "Measured"], rows)])


def _drawings(record: RunRecord, site: Site) -> Markup | None:
    """The map, and beside it what happened over time and how long the commands took."""
    plan = site.plan(record)
    drawn = run_map(record, plan)
    curves = timeline(record)
    way = course = None
    if drawn is not None:
        way = tag("div", tag("h5", "The way"), figure(drawn, _map_caption(record, plan)))
    if curves is not None:
        told = (
            "Over simulated time: distance of the body from anything it must not touch; processor use of all "
            "nodes, 100 % being one core; their resident memory; how far load was shed, if it was. "
            "Short strokes at the bottom are events"
        )
        told += ", crosses forbidden contacts." if record.contacts else "."
        course = join([tag("h5", "The course"), figure(scroll(curves, "Curves over time"), told)])
    beside = join([course, _commands(record)])
    if way is None or not beside:
        return way or beside or None
    return tag("div", way, tag("div", beside), class_="pair")


def _map_caption(record: RunRecord, plan: Plan | None) -> str:
    told = ["From above: the way walked, a dot every 10 s." if len(record.path) > 1 else "From above."]
    if record.objects:
        far = ", ".join(f"{name.replace('_', ' ')} by {way:.2f} m" for name, way in moved(record).items())
        rings = f", rings those that were moved: {far}" if far else ""
        told.append(f"Filled dots are objects at first{rings}.")
    told += added.told(record)
    if plan is not None and plan.world.forbidden:
        told.append("Dashed rectangles are floor that it must not enter.")
    if plan is None:
        told.append(f"The world {record.world} could not be loaded: walls and furniture are missing.")
    return " ".join(told)


def _commands(record: RunRecord) -> Markup | None:
    figures = []
    commands = commands_of(record)
    for i, command in enumerate(commands, 1):
        chart = charts.waterfall(command, record.total_limit_ms)
        caption = _command_caption(i, command)
        if chart is None:
            figures.append(tag("p", caption, " No stage was timed.", class_="soft small"))
        else:
            figures.append(figure(scroll(chart, f"Latencies of command {i}"), caption))
    if not figures:
        return None
    note = "Stages one after the other, each on a pale field as wide as its limit."
    if any(s.stage in charts.BESIDE for c in commands for s in c.stages):
        note += " Perception (grey) is timed from an image to its objects, beside the others."
    return join([tag("h5", "Latency of each command"), tag("p", note, class_="soft small"), *figures])


def _command_caption(number_: int, command: CommandRecord) -> str:
    how = "spoken" if command.spoken else "typed"
    heard = f", heard “{command.heard}”" if command.spoken and command.heard != command.text else ""
    end = f" It {command.state}." if command.state in ("succeeded", "failed") else ""
    if command.state and not end:
        end = f" It was {command.state}."
    if command.detail:
        why = command.detail.removesuffix(".")
        end = f"{end[:-1]}: {why}." if end else f" {why}."
    return f"Command {number_}, {how} at {command.given:.1f} s: “{command.text}”{heard}.{end}"


def _frames(record: RunRecord, site: Site) -> Markup | None:
    most = site.moments.get(id(record), 0)
    shots: Sequence[Shot] = record.shots
    if most < 1 or not shots:
        return None
    if len(shots) > most:  # evenly, and the last, which shows what came of it, in any case
        at = [round(i * (len(shots) - 1) / max(1, most - 1)) for i in range(most)] if most > 1 else [-1]
        shots = [shots[i] for i in at]
    figures = []
    for shot in shots:
        head = photo(record.folder, shot.file)
        outside = photo(record.folder, shot.outside)
        when = f"{shot.stamp:.1f} s {shot.title}".strip()
        views = [head.tag(f"Head camera at {when}") if head else None,
                 outside.tag(f"From outside at {when}") if outside else None]  # fmt: skip
        if any(views):
            figures.append(figure(join(views), when))
    if not figures:
        return None
    return join([tag("h5", "What the robot saw, and how it looked"), tag("div", *figures, class_="frames")])


def _things(record: RunRecord) -> Markup | None:
    parts: list[Part] = []
    if record.contacts:
        rows = [[str(i), f"{t.a} and {t.b}", number(t.stamp, 1, "s"), number(t.force, 0, "N")]
                for i, t in enumerate(record.contacts[:20], 1)]  # fmt: skip
        more = f", the first 20 of {len(record.contacts)}" if len(record.contacts) > 20 else ""
        heads = ["", "What touched what", "First at", "Largest force"]
        parts += [tag("h5", f"Forbidden contacts{more}"), table(None, heads, rows)]
    if record.grasps:
        rows = [
            [g.object, number(g.lifted, 2, "m"), number(g.held, 1, "s"), "held" if g.passed else "not held"]
            for g in record.grasps
        ]
        parts += [tag("h5", "Grasps"), table(None, ["Object", "Lifted", "Held up", ""], rows)]
    return join(parts) if parts else None


def _events(record: RunRecord) -> Markup | None:
    if not record.events:
        return None
    events = record.events[:EVENTS]
    rows = [[tag("td", number(e.stamp, 2, "s"), class_="n"), e.text] for e in events]
    more = len(record.events) - len(events)
    note = tag("p", f"{more} later events are in record.json.", class_="soft small") if more else None
    return join([tag("h5", "Events"), table(None, ["Time", "What happened"], rows, "tight events"), note])


def _log(record: RunRecord) -> Markup | None:
    if not record.log:
        return None
    lines = tag("pre", "\n".join(record.log[-LOG_LINES:]))
    return join([tag("h5", "Last warnings and errors of the nodes"), scroll(lines, "Log")])


def _facts(record: RunRecord) -> Markup:
    facts = [
        ("Started", f"{record.started[:19].replace('T', ' ')} UTC" if record.started else ""),
        ("World", record.world),
        ("Engine", f"{record.engine}{', in lock-step' if record.lockstep else ''}"),
        ("Real-time factor", number(record.real_time_factor or None, 2)),
        ("Simulated", number(record.simulated_seconds, 1, "s")),
        ("Took", number(record.wall_seconds, 1, "s")),
        ("Ready after", number(record.ready_seconds, 1, "s")),
        ("Folder", record.folder),
    ]  # fmt: skip
    return join([tag("h5", "Facts"), _pairs([(k, v) for k, v in facts if v])])
