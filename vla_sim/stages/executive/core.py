"""Runs allowed plans one after the other, preempts and cancels them, and reports on each."""

import math
from collections.abc import Callable

import msgspec

from vla_sim.common import clock
from vla_sim.common.geometry import wrap
from vla_sim.contract import records, topics
from vla_sim.contract.lease import Lease
from vla_sim.contract.records import Plan, Step
from vla_sim.stages.executive.goals import DroppedError, Result, Running, pause
from vla_sim.stages.executive.ledger import PLAN_TIMEOUT, STOPPED, Answer, Ledger
from vla_sim.stages.executive.queue import CommandQueue, Job
from vla_sim.stages.executive.skill_context import SkillContext
from vla_sim.stages.executive.skills.handling import approach, carry, pick, place
from vla_sim.stages.executive.skills.naming import remember
from vla_sim.stages.executive.skills.searching import find
from vla_sim.stages.executive.skills.walking import move, navigate, rest, turn

FALLEN = "I have fallen."
RESTARTED = "I was restarted."
MISTAKE = "I made a mistake in my program."
SET_BACK = "My clock was set back."
MOST_BACK = 5.0
"""[s] of that: what waits for a time that was before waits as long once more."""
SAFETY_TIMEOUT = 1.0
"""[s] without a word from safety, which speaks ten times a second, that count as a stop."""


def is_stop(plan: Plan) -> bool:
    return plan.priority == "stop" or (bool(plan.steps) and plan.steps[0].skill == "stop")


def stop(ctx: SkillContext, step: Step) -> Running:
    return Result(True, STOPPED)
    yield


def wait(ctx: SkillContext, step: Step) -> Running:
    yield from pause(ctx, step.seconds or 0.0)
    return Result(True)


def say(ctx: SkillContext, step: Step) -> Running:
    ctx.say(step.text)
    return Result(True)
    yield


def have(ctx: SkillContext, step: Step) -> Running:
    """In place of a step that fetches what is held."""
    assert ctx.holding is not None
    return Result(True, f"I have the {ctx.holding.called}." if step.skill == "pick" else "")
    yield


SKILLS: dict[str, Callable[[SkillContext, Step], Running]] = {
    "navigate": navigate, "approach": approach, "find": find, "pick": pick, "place": place,
    "carry": carry, "move": move, "turn": turn, "stop": stop, "wait": wait, "say": say,
    "remember": remember,
}  # fmt: skip
"""Each is a generator that yields once a tick and returns a `Result`. Every failure's detail is a sentence
that the robot can speak."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What outlives a restart. open: ids of the commands that were accepted and have not ended. listeners:
    how many hear the statuses."""

    open: tuple[str, ...] = ()
    listeners: int = 0
    holding: records.DetectedObject | None = None
    holding_arm: records.Arm | None = None
    docked: bool = False
    arms_home: bool = True


class Executive:
    """Pure core: `accept` verdicts, `stop`, `tick` at 20 Hz or so; results are in `context.outbox`. Times
    (`mono`) are now [s, steady clock]."""

    def __init__(self, context: SkillContext, plan_timeout: float = PLAN_TIMEOUT) -> None:
        self.ctx = context
        self.queue = CommandQueue()
        self.ledger = Ledger(plan_timeout)
        self.job: Job | None = None
        self.skill: Running | None = None
        self.talkative = True
        """Whether it says what it has done, not only what failed."""
        self._safety = Lease()
        """Renewed by each word from safety, whose silence is a stop."""
        self._silent = False
        self._fallen = False
        self._ticked = -math.inf

    @property
    def memory(self) -> Memory:
        """What is to be kept for the case of a restart."""
        ctx = self.ctx
        jobs = ([self.job] if self.job else []) + self.queue.jobs()
        return Memory(
            open=tuple(job.plan.command_id for job in jobs), holding=ctx.holding, docked=ctx.docked,
            holding_arm=ctx.holding_arm, arms_home=ctx.arms_home,
        )  # fmt: skip

    def restore(self, memory: Memory) -> None:
        """Take up what was kept; the commands that were open then are answered by `restarted`."""
        ctx = self.ctx
        ctx.holding, ctx.holding_arm = memory.holding, memory.holding_arm
        ctx.docked, ctx.arms_home = memory.docked, memory.arms_home

    def restarted(self, memory: Memory) -> None:
        """Answer what was open before the restart."""
        for command_id in memory.open:
            self._status(command_id, "failed", detail=RESTARTED)
        if memory.open:
            self.ctx.say(RESTARTED)

    def accept(self, verdict: records.Verdict, mono: float) -> None:
        """Queue an allowed plan; answer a refused one."""
        ctx, plan = self.ctx, verdict.plan
        if ctx.stops.advance(verdict.stop_epoch):
            self.stop()
        if not self.ledger.judged(verdict, mono, stop=is_stop(plan)):
            return
        if not verdict.allowed:
            reason = "; ".join(verdict.reasons)
            self._status(verdict.command_id, "rejected", detail=reason)
            ctx.say(f"I will not do that: {reason}.")
            return
        if not plan.steps:
            return  # language has answered already
        if is_stop(plan):
            self.stop()
            self._status(plan.command_id, "succeeded", skill="stop", detail=STOPPED)
            return
        if ctx.stops.void(verdict.stop_epoch):
            self._status(plan.command_id, "cancelled", detail=records.STOP_SAID)
            return
        if not self.queue.push(Job(plan, ctx.pose)):
            detail = f"I have {self.queue.waiting()[plan.priority]} {plan.priority} commands waiting already."
            self._status(plan.command_id, "rejected", detail=detail)
            ctx.say(detail)
            return
        self._status(plan.command_id, "accepted", steps=len(plan.steps))

    def on_command(self, command_id: str, mono: float, *, stop: bool = False) -> None:
        """A command was heard: a plan must follow, or language's answer. stop: it is one."""
        if stop and self._silent:  # safety says nothing of it
            self._give_up((command_id, "succeeded", STOPPED), mono)
        else:
            self.ledger.heard(command_id, mono, stop=stop)

    def on_plan(self, plan: Plan, mono: float) -> None:
        """Language made a plan; safety's verdict must follow."""
        self.ledger.planned(plan, mono, stop=is_stop(plan))

    def on_status(self, status: records.Status, mono: float) -> None:
        """Another node's word on a command: what it has answered is not gone on with."""
        if self.ledger.ended(status, mono):
            if self.job is not None and self.job.plan.command_id == status.command_id:
                self._drop_skill()
                self.job = None
            self.queue.remove(status.command_id)

    def watch(self, mono: float) -> None:
        """Answer what nobody else does; safety's silence is a stop."""
        for answer in self.ledger.overdue(mono):
            self._give_up(answer, mono)
        if self._safety.expired(mono) and not self._silent:
            self._silent = True
            self.stop(records.SILENT["safety"])

    def _give_up(self, answer: Answer, mono: float) -> None:
        command_id, state, detail = answer
        self.ledger.void(command_id, mono)
        if state == "succeeded":
            self.stop()
        self._status(command_id, state, detail=detail)
        self.ctx.say(detail)

    def on_safety(self, state: records.SafetyState) -> None:
        """Cancel everything, once for each stop."""
        self._safety.begin(SAFETY_TIMEOUT)
        self._silent = False
        fell, self._fallen = state.fallen and not self._fallen, state.fallen
        if self.ctx.stops.advance(state.stop_epoch):
            self.stop(FALLEN, "failed") if fell else self.stop()
        if fell:
            self.ctx.say(FALLEN)

    def stop(self, why: str = records.STOP_SAID, state: records.CommandState = "cancelled") -> None:
        """End everything that runs or waits."""
        ctx = self.ctx
        # Also without a job: a goal may come from elsewhere (a pose sent by hand).
        ctx.send(topics.NAVIGATION_REQUEST, records.NavigationRequest(goal_id="stop", mode="cancel"))
        ctx.send(topics.MANIPULATION_REQUEST, records.ManipulationRequest(goal_id="stop", action="cancel"))
        jobs = [self.job] if self.job else []
        self._drop_skill()
        self.job = None
        for job in jobs + self.queue.clear():
            self._status(job.plan.command_id, state, detail=why)

    def _drop_skill(self) -> None:
        if self.skill is not None:
            self.skill.close()
            self.skill = None

    def tick(self) -> None:
        """Go on with the running skill, or take the next job."""
        before, self._ticked = self._ticked, self.ctx.now
        self.ctx.heading += wrap(self.ctx.pose[2] - self.ctx.heading)
        if self.job is not None and self.ctx.now < before - MOST_BACK:
            self._drop_skill()
            self._end(self.job, "failed", SET_BACK)
        self.queue.elapse(self.ctx.now, self.job.plan if self.job is not None else None)
        if self.job is not None and (why := self._waits(self.job.plan)):
            self.job.steps[self.job.step] = rest(self.ctx, self.job.steps[self.job.step])
            self._drop_skill()
            self._status(self.job.plan.command_id, "accepted", detail=why)
            self.queue.push(self.job, front=True)
            self.job = None
        if self.job is None:
            self.job = self.queue.pop(background=self.ctx.background)
            if self.job is None:
                return
            self.ctx.user_pose = self.job.user_pose
        job = self.job
        if self.skill is None:
            step = job.steps[job.step]
            self._status(job.plan.command_id, "running", skill=step.skill)
            self.skill = (have if self.ctx.has(job.plan, step) else SKILLS[step.skill])(self.ctx, step)
        try:
            next(self.skill)
        except (StopIteration, DroppedError) as done:
            self.skill = None
            result = done.value if isinstance(done, StopIteration) else Result(False, str(done))
            if not result.ok:
                self._end(job, "failed", result.detail)
            elif job.step + 1 == len(job.plan.steps):
                self._end(job, "succeeded", result.detail)
            else:
                job.step += 1
        except Exception:
            self.skill = None
            self._end(job, "failed", MISTAKE)
            raise

    def _waits(self, plan: Plan) -> str:
        """Why a plan that runs has to wait now; "" if it goes on."""
        if self.queue.outranks(plan):
            return "waits for an urgent command"
        shed = plan.priority == "background" and not self.ctx.background
        return "waits until the machine is less busy" if shed else ""

    def _end(self, job: Job, state: records.CommandState, detail: str) -> None:
        self.queue.ended(job.plan)
        self.job = None
        self._status(job.plan.command_id, state, job=job, detail=detail)
        if detail and (self.talkative or state != "succeeded"):
            self.ctx.say(detail)

    def _status(
        self, command_id: str, state: records.CommandState, *, job: Job | None = None, skill: str = "",
        steps: int = 0, detail: str = "",
    ) -> None:  # fmt: skip
        job = job or self.job
        if job is not None and job.plan.command_id == command_id:
            steps = len(job.plan.steps)
            skill = skill or job.plan.steps[job.step].skill
        status = records.Status(
            command_id=command_id, state=state, skill=skill, step=job.step if job else 0,
            steps=steps, detail=detail, mono=clock.mono(),
        )  # fmt: skip
        self.ctx.send(topics.STATUS, status)
