"""Runs allowed plans one after the other, preempts and cancels them, and reports on each."""

import math
from collections.abc import Callable

from vla_sim.common import clock
from vla_sim.contract import records, topics
from vla_sim.contract.records import Plan, Step
from vla_sim.stages.executive.goals import Result, Running, pause
from vla_sim.stages.executive.queue import CommandQueue, Job
from vla_sim.stages.executive.skill_context import SkillContext
from vla_sim.stages.executive.skills.handling import approach, carry, pick, place
from vla_sim.stages.executive.skills.searching import find
from vla_sim.stages.executive.skills.walking import move, navigate, turn

STOPPED = "stop was said"
SILENT = "My safety monitor does not answer."
VERDICT_TIMEOUT = 2.0
"""[s] for safety's verdict on a plan."""
SAFETY_TIMEOUT = 1.0
"""[s] without a word from safety, which speaks ten times a second, that count as a stop."""


def is_stop(plan: Plan) -> bool:
    return plan.priority == "stop" or (bool(plan.steps) and plan.steps[0].skill == "stop")


def stop(ctx: SkillContext, step: Step) -> Running:
    return Result(True, "Stopped.")
    yield


def wait(ctx: SkillContext, step: Step) -> Running:
    yield from pause(ctx, step.seconds or 0.0)
    return Result(True)


def say(ctx: SkillContext, step: Step) -> Running:
    ctx.say(step.text)
    return Result(True)
    yield


SKILLS: dict[str, Callable[[SkillContext, Step], Running]] = {
    "navigate": navigate, "approach": approach, "find": find, "pick": pick, "place": place,
    "carry": carry, "move": move, "turn": turn, "stop": stop, "wait": wait, "say": say,
}  # fmt: skip
"""Each is a generator that yields once a tick and returns a `Result`. Every failure's detail is a sentence
that the robot can speak."""


class Executive:
    """Pure core: `accept` verdicts, `stop`, `tick` at 20 Hz or so; results are in `context.outbox`."""

    def __init__(self, context: SkillContext) -> None:
        self.ctx = context
        self.queue = CommandQueue()
        self.job: Job | None = None
        self.skill: Running | None = None
        self._unjudged: dict[str, float] = {}
        """Plans that safety has not judged yet, and since when [s, monotonic]."""
        self._given_up: set[str] = set()
        """Commands that were answered without safety's verdict: one that comes late is void."""
        self._heard = math.inf
        """When safety last spoke [s, monotonic]."""
        self._silent = False

    def accept(self, verdict: records.Verdict) -> None:
        """Queue an allowed plan; answer a refused one."""
        ctx, plan = self.ctx, verdict.plan
        self._unjudged.pop(verdict.command_id, None)
        if ctx.stops.advance(verdict.stop_epoch):
            self.stop()
        if verdict.command_id in self._given_up:
            self._given_up.discard(verdict.command_id)
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
            self._status(plan.command_id, "succeeded", skill="stop", detail="Stopped.")
            return
        if ctx.stops.void(verdict.stop_epoch):
            self._status(plan.command_id, "cancelled", detail=STOPPED)
            return
        if not self.queue.push(Job(plan, ctx.pose)):
            detail = f"I have {self.queue.waiting()[plan.priority]} {plan.priority} commands waiting already."
            self._status(plan.command_id, "rejected", detail=detail)
            ctx.say(detail)
            return
        self._status(plan.command_id, "accepted", steps=len(plan.steps))

    def on_plan(self, plan: Plan, mono: float) -> None:
        """Language made a plan; safety's verdict must follow. mono: now [s, monotonic]."""
        if not plan.steps:
            return
        if self._silent and is_stop(plan):
            self.stop()
            self._give_up(plan.command_id, "succeeded", "Stopped.")
            return
        self._given_up.discard(plan.command_id)
        self._unjudged[plan.command_id] = mono

    def watch(self, mono: float) -> None:
        """Answer what safety does not judge; its silence is a stop. mono: now [s, monotonic]."""
        for command_id in [c for c, since in self._unjudged.items() if mono - since > VERDICT_TIMEOUT]:
            del self._unjudged[command_id]
            self._give_up(command_id, "failed", SILENT)
            self.ctx.say(SILENT)
        if not self._silent and mono - self._heard > SAFETY_TIMEOUT:
            self._silent = True
            self.stop(SILENT)

    def _give_up(self, command_id: str, state: records.CommandState, detail: str) -> None:
        self._given_up.add(command_id)
        self._status(command_id, state, detail=detail)

    def on_safety(self, state: records.SafetyState, mono: float) -> None:
        """Cancel everything, once for each stop. mono: now [s, monotonic]."""
        self._heard, self._silent = mono, False
        if self.ctx.stops.advance(state.stop_epoch):
            self.stop()

    def stop(self, why: str = STOPPED) -> None:
        """Cancel everything that runs or waits."""
        ctx = self.ctx
        # Also without a job: a goal may come from elsewhere (a pose sent by hand).
        ctx.send(topics.NAVIGATION_REQUEST, records.NavigationRequest(goal_id="stop", mode="cancel"))
        ctx.send(topics.MANIPULATION_REQUEST, records.ManipulationRequest(goal_id="stop", action="cancel"))
        jobs = [self.job] if self.job else []
        self._drop_skill()
        self.job = None
        for job in jobs + self.queue.clear():
            self._status(job.plan.command_id, "cancelled", detail=why)

    def _drop_skill(self) -> None:
        if self.skill is not None:
            self.skill.close()
            self.skill = None

    def tick(self) -> None:
        """Go on with the running skill, or take the next job."""
        self.queue.elapse(self.ctx.now, self.job.plan if self.job is not None else None)
        if self.job is not None and (why := self._waits(self.job.plan)):
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
            step = job.plan.steps[job.step]
            self._status(job.plan.command_id, "running", skill=step.skill)
            self.skill = SKILLS[step.skill](self.ctx, step)
        try:
            next(self.skill)
        except StopIteration as done:
            self.skill = None
            result = done.value
            job.step += 1
            if not result.ok:
                self._end(job, "failed", result.detail)
            elif job.step == len(job.plan.steps):
                self._end(job, "succeeded", result.detail)

    def _waits(self, plan: Plan) -> str:
        """Why a plan that runs has to wait now; "" if it goes on."""
        if self.queue.outranks(plan):
            return "waits for an urgent command"
        shed = plan.priority == "background" and not self.ctx.background
        return "waits until the machine is less busy" if shed else ""

    def _end(self, job: Job, state: records.CommandState, detail: str) -> None:
        self.queue.ended(job.plan)
        job.step -= 1
        self.job = None
        self._status(job.plan.command_id, state, job=job, detail=detail)
        if detail:
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
