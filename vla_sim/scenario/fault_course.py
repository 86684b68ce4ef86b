"""Many faults, one after the other, and what the robot did.

A course plays cases of one world in one run: it gives a command, waits for the phase as the truth shows it,
begins the fault, and goes on once the fault is over, the command is answered and the robot stands.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from vla_sim.bringup.node_table import StackOptions
from vla_sim.common.errors import StackError, VlaSimError
from vla_sim.common.files import writing
from vla_sim.contract import faults, topics
from vla_sim.contract.records import GroundTruth
from vla_sim.robot import facts
from vla_sim.scenario.checks.base import Run
from vla_sim.scenario.checks.motion import NoFall
from vla_sim.scenario.director import LIFTED
from vla_sim.scenario.fault_cases import PHASES, UNHEARD, Case, CaseResult, key, read
from vla_sim.scenario.fault_host import Span
from vla_sim.scenario.format import AT_ONCE, NODES, CommandAction, Say, Scenario, Type, When
from vla_sim.scenario.judge import STOP_SPEED
from vla_sim.scenario.load import File
from vla_sim.scenario.preparation import RunOptions, sound
from vla_sim.scenario.recording import Given, position
from vla_sim.scenario.run import run_once
from vla_sim.scenario.session import Session
from vla_sim.scenario.terminal import Display

CAMERA_RATE = {"corridor": 2.0, "tabletop": 10.0}
"""[Hz] Pictures are most of what a run costs, and in an empty corridor there is little to see."""
ANSWER_TIMEOUT = 60.0  # [s] simulated for a command to be answered
PHASE_TIMEOUT = 30.0  # [s] simulated until a phase is given up
REST = 0.8  # [s] between a case and the next
WINDOW = 0.4  # [s] that it stands when it stands
ARM_SPEED = 0.25  # [rad/s] of a joint, from which an arm moves
CUP = "red_cup"
STAND_LIMIT = 1.6
"""[s] from the fault to standing where the robot must stand: 0.1 s until it is noticed, up to 1.0 s until the
gait's step is over, `WINDOW` less what it overlaps, and the truth's period."""
MUST_STAND = {
    ("kill", "safety"), ("freeze", "safety"), ("freeze", "navigation"), ("kill", "navigation"),
    ("drop", topics.CMD_VEL.name), ("drop", topics.CMD_VEL_NAV.name), ("drop", topics.SCAN.name),
    ("silent", "lidar"), ("silent", "odometry"), ("nan", "lidar"),
}  # fmt: skip
"""Faults with which a robot that walks may not go on."""


class Course:
    """Cases of one world. `tick` takes the place of the session's, in the client's thread. judged: called
    with each result. more: whether another case may begin. over: whether all were played, or one ended the
    run. unreached: cases whose phase did not come."""

    def __init__(
        self, session: Session, cases: Sequence[Case], engine: str, judged: Callable[[CaseResult], None],
        more: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        self._session, self._engine, self._judged, self._more = session, engine, judged, more
        self._left = list(cases)
        self.unreached: list[Case] = []
        self.over = False
        self.case: Case | None = None
        """That is played now; None while what it needs is made ready."""
        self._number = 0
        self._given = 0
        """Of commands."""
        self._since = 0.0
        self._phase: float | None = None
        self._rest: float | None = None
        session.director.add(Type(words="go on", when=When(done=10_000)))  # else the run would be over

    def tick(self) -> None:
        session = self._session
        director = session.director
        if not self.over and director.begin is not None:
            if director.over:
                self._end()
            elif self._given <= len(director.commands):  # else it is being heard
                self._step()
        session.tick()

    def _step(self) -> None:
        session = self._session
        r, stamp = session.recording, session.recording.stamp
        begun = self._span is not None
        given = session.director.commands[self._given - 1] if self._given else None
        if given is None:
            self._next()
            return
        late = stamp - self._since > ANSWER_TIMEOUT
        answered = not given.command_id or r.final(given.command_id) is not None
        if self.case is not None and not begun and not late:
            if self._reached(given):
                session.faults.begin(self.case.fault(self._number))
                return
            if not answered and stamp - self._since < PHASE_TIMEOUT:
                return
        over = (answered or late) and not session.faults.active and still(r.between(stamp - WINDOW, stamp))
        if not over and not late:
            self._rest = None
        elif self._rest is None:
            self._rest = stamp
        elif stamp - self._rest >= REST:
            self._rest = None
            if self.case is not None and begun:
                self._judge(given)
            elif self.case is not None:
                self.unreached.append(self.case)
            self._next()

    @property
    def _span(self) -> Span | None:
        """Of the fault of the case that is played now; None before it began."""
        spans = self._session.faults.spans
        return next((s for s in spans if s.fault.fault_id == f"case-{self._number}"), None)

    def _reached(self, given: Given) -> bool:
        """Whether the case's phase has been going on for a moment."""
        assert self.case is not None
        r, phase = self._session.recording, self.case.phase
        if phase == "planning":
            return True
        if phase == "hearing":
            return r.stamp - self._since > 0.6
        recent = r.between(r.stamp - WINDOW, r.stamp)
        arms = phase == "grasping"
        if not (arm_speed(recent) > ARM_SPEED if arms else speed(recent) > STOP_SPEED):
            self._phase = None
        elif self._phase is None:
            self._phase = r.stamp
        return self._phase is not None and r.stamp - self._phase > 0.5

    def _next(self) -> None:
        """Give the next case's command, or one that makes ready for it."""
        while self._left and self._left[0].target in faults.TOPICS and not self._heard(self._left[0].target):
            case = self._left.pop(0)
            self._judged(CaseResult(
                case=case.name, phase=case.phase, fault=case.name, engine=self._engine,
                lockstep=self._session.nodes.lockstep, held=True, state=UNHEARD,
            ))  # fmt: skip
        if not self._left or not self._more():
            self.unreached += self._left
            self.over = True
            return
        wanted, ready = self._left[0], True
        if wanted.phase == "carrying" and not self.held():
            if self._given and self.case is None:  # it was tried
                self._end()
                return
            words, ready = "pick up the red cup", False
        elif wanted.phase in ("grasping", "carrying"):
            turn = "left" if self._given % 2 else "right"
            words = f"turn {turn} 60 degrees" if wanted.phase == "carrying" else "pick up the red cup"
            if wanted.phase == "grasping" and self.held():
                words = "put it on the table"
        else:
            words = "move backward 1 meter" if self._given % 2 else "move forward 1 meter"
        self.case = self._left.pop(0) if ready else None
        self._number += 1
        self._given += 1
        self._since, self._phase = self._session.recording.stamp, None
        spoken = ready and wanted.phase == "hearing"
        action: CommandAction = Say(words=words, when=AT_ONCE) if spoken else Type(words=words, when=AT_ONCE)
        if ready and wanted.phase == "planning":
            self._session.faults.begin(wanted.fault(self._number))
        self._session.director.add(action, sound(action, 0, Path()))

    def _heard(self, topic: str) -> bool:
        """Whether a node of the stack listens to it, as their diagnostics say."""
        listens = self._session.client.discovery.topics
        return any(topic in listens.get(node, ()) for node in NODES)

    def held(self) -> bool:
        truths = self._session.recording.truths
        return bool(truths) and truths[-1].objects[CUP][2] > truths[0].objects[CUP][2] + LIFTED

    def _end(self) -> None:
        """The run is over: a fall, or nothing more can be played."""
        commands = self._session.director.commands
        if self.case is not None and len(commands) == self._given and self._span is not None:
            self._judge(commands[-1])
        elif self.case is not None:
            self.unreached.append(self.case)
        self.unreached += self._left
        self._left, self.over = [], True

    def _judge(self, given: Given) -> None:
        session, case, span = self._session, self.case, self._span
        assert case is not None
        assert span is not None
        r, director = session.recording, session.director
        window = r.between(self._since, math.inf)
        end = r.stamp if span.end is None else span.end
        final = r.final(given.command_id) if given.command_id else None
        told = any(m.status.command_id == given.command_id for m in r.statuses)
        # What came to nobody, or in pieces, is answered by nobody.
        unheard = not told if case.target == topics.COMMAND.name else given.spoken and not given.command_id
        touches = {pair: [one for one in told if one[0] >= self._since] for pair, told in r.touches.items()}
        mine = replace(r, touches={pair: told for pair, told in touches.items() if told})
        run = Run(session.prepared.world, mine, tuple(director.commands), director.begin or 0.0)
        collisions = len(run.touches())
        if self._engine == "kinematic":  # which has no contacts
            collisions = int(any(t.clearance < 0.0 for t in window))
        safe = first(still, window, span.begin)
        took = None if safe is None else round(safe - span.begin, 2)
        went_on = took is not None and safe is not None and safe > end + 1.0
        moves = first(lambda some: not still(some), window, end)
        done = [m.stamp for m in r.statuses if m.status is final and m.status.state == "succeeded"]
        back = min([*done, *([] if moves is None else [moves])], default=None)
        must = case.phase in ("walking", "carrying") and (case.kind, case.target) in MUST_STAND
        why = [
            *(["it fell"] if window and window[-1].fallen else []),
            *([f"{collisions} collisions"] if collisions else []),
            *(["the command was not answered"] if final is None and not unheard else []),
            *([f"it stood after {took} s only"] if must and (took is None or took > STAND_LIMIT) else []),
        ]
        self._judged(CaseResult(
            case=case.name, phase=case.phase, fault=faults.words(span.fault), engine=self._engine,
            lockstep=session.nodes.lockstep, held=not why, why="; ".join(why),
            state=final.state if final else "not heard" if unheard else "no answer",
            said=final.detail if final else "", safe=None if went_on else took,
            recovery=None if back is None else round(max(0.0, back - end), 2),
            unanswered=int(final is None and not unheard), collisions=collisions,
        ))  # fmt: skip


def speed(truths: Sequence[GroundTruth]) -> float:
    """Of the pelvis on the floor [m/s] and its turn [rad/s], the greater; 0 of nothing."""
    if len(truths) < 2 or truths[-1].stamp <= truths[0].stamp:
        return 0.0
    first_, last = truths[0], truths[-1]
    seconds = last.stamp - first_.stamp
    turned = 2.0 * math.acos(min(1.0, abs(float(np.dot(first_.robot[3:], last.robot[3:])))))
    return max(math.dist(position(first_), position(last)), turned) / seconds


ARMS = [int(k) for side in facts.SIDES for k in facts.ARM_INDEX[side]]


def arm_speed(truths: Sequence[GroundTruth]) -> float:
    """Of the fastest joint of the arms [rad/s]; 0 of nothing."""
    if len(truths) < 2 or truths[-1].stamp <= truths[0].stamp:
        return 0.0
    way = np.subtract(truths[-1].joints, truths[0].joints)[ARMS]
    return float(np.abs(way).max() / (truths[-1].stamp - truths[0].stamp))


def still(truths: Sequence[GroundTruth]) -> bool:
    return speed(truths) < STOP_SPEED and arm_speed(truths) < ARM_SPEED


def first(
    what: Callable[[Sequence[GroundTruth]], bool], truths: Sequence[GroundTruth], since: float
) -> float | None:
    """The beginning of the first `WINDOW` from a stamp on of which something is true."""
    later = [t for t in truths if t.stamp >= since]
    for k, one in enumerate(later):
        window = [t for t in later[k:] if t.stamp <= one.stamp + WINDOW]
        if later[-1].stamp < one.stamp + WINDOW:
            return None
        if what(window):
            return one.stamp
    return None


def courses(wanted: Iterable[Case], most: int) -> Iterator[list[Case]]:
    """Cases that can be played in one run: of one world, as many as `most`; a node that is killed has one of
    its own, after all others."""
    by: dict[str, list[Case]] = {}
    for case in wanted:
        by.setdefault("" if case.kind == "kill" else PHASES[case.phase], []).append(case)
    kills = by.pop("", [])
    for some in by.values():
        yield from (some[k : k + most] for k in range(0, len(some), most))
    yield from ([case] for case in kills)


def play(
    some: Sequence[Case], stack: StackOptions, folder: Path, display: Display,
    judged: Callable[[CaseResult], None], more: Callable[[], bool],
) -> list[Case]:  # fmt: skip
    """Play one course; the cases that it did not reach. Raises `StackError`, `InputError`."""
    world = PHASES[some[0].phase]
    scenario = Scenario(
        version=1, proves="What the robot does when something fails.", world=world, script=[], timeout=1e6,
        expect=[NoFall()],
    )  # fmt: skip
    stack = replace(stack, world=world, overrides={"engine": {"camera_rate": CAMERA_RATE[world]}})
    options = RunOptions(File("faults", folder / "faults", scenario), stack, folder, pictures="none")
    made: list[Course] = []

    def play_course(session: Session) -> None:
        course = Course(session, some, stack.engine, judged, more)
        made.append(course)
        session.client.on_tick = course.tick
        session.play(lambda: course.over)

    try:
        run_once(options, display, play=play_course)
    except StackError as error:
        if not made or made[0].over or made[0].case is None:
            raise
        case = made[0].case
        judged(CaseResult(
            case=case.name, phase=case.phase, fault=case.name, engine=stack.engine,
            lockstep=stack.speed == 0.0, held=False, why=f"the run broke off: {error}"[:3000], unanswered=1,
        ))  # fmt: skip
    return made[0].unreached


def play_all(
    wanted: Sequence[Case], stack: StackOptions, path: Path, folder: Path, display: Display, most: int,
    more: Callable[[], bool], *, again: bool = False,
) -> None:  # fmt: skip
    """Play what has no result yet, or (`again`) one that did not hold; each result is appended to `path` at
    once. more: whether another case may begin. Raises `InputError` where it cannot be written."""
    known = {name: one for name, one in read(path).items() if one.held or not again}
    missing = [case for case in wanted if key(stack.engine, case.name) not in known]

    def judged(one: CaseResult) -> None:
        with path.open("ab") as out:
            out.write(msgspec.json.encode(one) + b"\n")
        safe = "goes on" if one.safe is None else f"stands after {one.safe:.2f} s"
        verdict = "held" if one.held else f"BROKE ({one.why})"
        display.event(None, f"{verdict}: {one.case}: {safe}, {one.state}", "" if one.held else "red")

    with writing(f"to {path}", "--results"):
        path.touch()
    for some in courses(missing, most):
        if not more():
            return
        # In lock-step a dead node is not started again.
        pace = replace(stack, speed=1.0) if some[0].kind == "kill" else stack
        try:
            for case in play(some, pace, folder, display, judged, more):
                display.event(None, f"not reached: {case.name}", "yellow")
        except VlaSimError as error:
            display.event(None, f"a course broke off: {error}", "red")
