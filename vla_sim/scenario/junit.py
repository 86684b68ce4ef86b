"""JUnit XML of runs, as the readers of Jenkins, GitLab and GitHub take it."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from vla_sim.common.files import user_path, write_output
from vla_sim.scenario.record import RunRecord, SweepCheck
from vla_sim.scenario.statistics import Rate, Verdict, by_engine, by_scenario, reasons, runs_of, verdict

ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for (its production 2, Char), not even escaped."""


def render(records: Sequence[RunRecord], over: Sequence[SweepCheck] = ()) -> str:
    """One testsuite a scenario and engine, one testcase a run, named by its seed, and one for each check
    `over` all of them.

    A pass on a later try is a pass with the property `attempt`; what the earlier tries failed of stands
    in its system-out.
    """
    root = Element("testsuites", name="vla_sim")
    for scenario, played in by_scenario(records).items():
        for engine, own in by_engine(played).items():
            mine = [one for one in over if (one.scenario, one.engine) == (scenario, engine)]
            root.append(_suite(scenario, engine, own, mine))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    root.set("time", _seconds(sum(r.wall_seconds for r in records)))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def write(records: Sequence[RunRecord], path: Path | str, over: Sequence[SweepCheck] = ()) -> None:
    """The file is whole or not there. Raises `InputError` if it cannot be written."""
    write_output(user_path(path), render(records, over).encode())


def _suite(scenario: str, engine: str, records: Sequence[RunRecord], over: Sequence[SweepCheck]) -> Element:
    runs, first = runs_of(records), records[0]
    ends: list[Verdict] = [verdict(tries[-1]) for tries in runs]
    ends += ["passed" if c.check.passed else "not judged" if c.unjudged else "failed" for c in over]
    suite = Element(
        "testsuite", name=_legal(f"{scenario} ({engine})"), tests=str(len(ends)),
        failures=str(ends.count("failed")), errors=str(ends.count("error")),
        skipped=str(ends.count("not judged")),
        time=_seconds(sum(r.wall_seconds for r in records)),
    )  # fmt: skip
    if stamp := _timestamp(first.started):
        suite.set("timestamp", stamp)
    facts = {
        "engine": engine, "robot": first.robot, "world": first.world, "proves": first.proves,
        "rate": Rate.of(records).text,
    }  # fmt: skip
    _properties(suite, facts | {f"version {name}": version for name, version in first.versions.items()})
    names: Counter[str] = Counter()
    for tries in runs:
        name = f"seed {tries[-1].seed}"
        names[name] += 1
        # readers throw testcases of one name together
        suite.append(_case(scenario, tries, name if names[name] == 1 else f"{name} ({names[name]})"))
    for one in over:
        case = SubElement(
            suite,
            "testcase",
            classname=_legal(f"{scenario} ({engine})"),
            name=_legal(one.check.name),
            time="0",
        )
        if one.unjudged:
            SubElement(case, "skipped", message=_first(f"not judged; {one.unjudged}; {one.text}"))
        elif not one.check.passed:
            SubElement(case, "failure", message=_first(one.text), type="failure")
    return suite


def _case(scenario: str, tries: Sequence[RunRecord], name: str) -> Element:
    last = tries[-1]
    case = Element(
        "testcase", classname=_legal(f"{scenario} ({last.engine})"), name=name,
        time=_seconds(sum(r.wall_seconds for r in tries)),
    )  # fmt: skip
    if last.attempt > 1:
        _properties(case, {"attempt": str(last.attempt)})
    if last.error:
        SubElement(case, "error", message=_first(last.error), type="error").text = _legal(last.error)
    elif last.unjudged:  # never a pass, and no failure of the robot's
        SubElement(case, "skipped", message=_first("; ".join(["not judged", *reasons(last)])))
    elif not last.passed:
        why = reasons(last)
        failure = SubElement(case, "failure", message=_first("; ".join(why)), type="failure")
        failure.text = _legal("\n".join(why))
    SubElement(case, "system-out").text = _legal("\n".join(_lines(tries)))
    return case


def _lines(tries: Sequence[RunRecord]) -> list[str]:
    last = tries[-1]
    lines = []
    if last.attempt > 1:
        end = "passed" if last.passed and not last.error else "did not pass either"
        lines.append(f"try {last.attempt} {end}; an earlier try did not pass")
    for one in tries[:-1]:
        lines += [f"try {one.attempt}: {reason}" for reason in [one.error, *one.reasons] if reason]
    lines += [f"{'passed' if c.passed else 'FAILED'}  {c.name}: {c.detail}" for c in last.checks]
    if last.total_ms is not None:
        allowed = f"{last.total_limit_ms:.0f} ms are allowed"
        lines.append(f"first motion after {last.total_ms:.0f} ms ({last.total_source}), {allowed}")
    ends = {"files": last.folder, "again": last.again}
    return lines + [f"{name}: {value}" for name, value in ends.items() if value]


def _properties(parent: Element, values: dict[str, str]) -> None:
    group = SubElement(parent, "properties")
    for name, value in filter(lambda item: item[1], values.items()):
        SubElement(group, "property", name=_legal(name), value=_legal(value))


def _first(text: str) -> str:
    """One line, short enough for the list that a reader shows."""
    line = " ".join(_legal(text).split())
    return line if len(line) <= 300 else line[:299] + "…"


def _legal(text: str) -> str:
    return ILLEGAL.sub("", text)


def _seconds(value: float) -> str:
    return f"{value:.3f}"


def _timestamp(started: str) -> str:
    """UTC without a zone, the only form that every reader's schema has; "" if it is no time."""
    try:
        moment = datetime.fromisoformat(started.replace("Z", "+00:00"))
    except ValueError:
        return ""
    return f"{moment.astimezone(timezone.utc) if moment.tzinfo else moment:%Y-%m-%dT%H:%M:%S}"
