"""The two promises of the queue, held against every mix of commands that hypothesis thinks of.

The reference does not look into the queue: it keeps book of who waited while whom ran, in simulated time.
"""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.contract.records import Plan
from vla_sim.stages.executive.queue import CAPACITY, RANK, STARVATION_TIMEOUT, CommandQueue, Job

TICK = 5.0
LONGEST = 100.0
LEVELS = ("urgent", "normal", "background")


def job(name, priority):
    return Job(Plan(command_id=name, text="", steps=[], planner="rules", priority=priority), (0, 0, 0))


class Play:
    """Runs commands as the executive does, and tells what happened: (time, what, command)."""

    def __init__(self, arrivals):
        """arrivals: (time, priority, length), sorted by time."""
        self.length = {str(k): length for k, (_, _, length) in enumerate(arrivals)}
        self.arrived = {str(k): at for k, (at, _, _) in enumerate(arrivals)}
        self.level = {str(k): level for k, (_, level, _) in enumerate(arrivals)}
        self.left = dict(self.length)
        self.events, self.queue, self.running = [], CommandQueue(), None
        self.waiting = []
        self.passed = dict.fromkeys(LEVELS, 0.0)
        """Reference: time for which a level waited while a higher one ran, since it was last served."""
        self.immune = None
        now, k = 0.0, 0
        while k < len(arrivals) or self.waiting or self.running:
            while k < len(arrivals) and arrivals[k][0] <= now:
                if self.queue.push(job(str(k), arrivals[k][1])):
                    self.waiting.append(str(k))
                k += 1
            self.tick(now)
            now += TICK
            assert now < 1e6, "commands are left over for ever"

    def tick(self, now):
        self.queue.elapse(now, self.running.plan if self.running else None)
        if self.running:
            for level in LEVELS:
                lower = RANK[level] > RANK[self.running.plan.priority]
                if lower and any(self.level[w] == level for w in self.waiting):
                    self.passed[level] += TICK
            name = self.running.plan.command_id
            self.left[name] -= TICK
            if self.left[name] <= 0.0:
                self.queue.ended(self.running.plan)
                self.events.append((now, "ended", name))
                self.passed[self.level[name]] = 0.0
                self.running = None
            elif self.queue.outranks(self.running.plan):
                self.preempted(now)
            else:
                self.check_nothing_higher_waits()
        if self.running is None and (taken := self.queue.pop()) is not None:
            self.started(taken, now)

    def preempted(self, now):
        name = self.running.plan.command_id
        assert name != self.immune, "a command that was due is preempted"
        higher = [w for w in self.waiting if RANK[self.level[w]] < RANK[self.level[name]]]
        assert higher, "preempted by nobody"
        self.queue.push(self.running, front=True)
        self.waiting.insert(0, name)
        self.events.append((now, "preempted", name))
        self.running = None

    def check_nothing_higher_waits(self):
        """No inversion by who runs."""
        name = self.running.plan.command_id
        higher = [w for w in self.waiting if RANK[self.level[w]] < RANK[self.level[name]]]
        assert not higher or name == self.immune

    def started(self, taken, now):
        """No inversion by who starts."""
        name = taken.plan.command_id
        level = self.level[name]
        self.waiting.remove(name)
        equals = [w for w in self.waiting if self.level[w] == level]
        assert all(float(name) < float(w) for w in equals), "not in order of arrival"
        higher = [w for w in self.waiting if RANK[self.level[w]] < RANK[level]]
        due = self.passed[level] >= STARVATION_TIMEOUT.get(level, math.inf)
        assert not higher or due, f"{name} starts before {higher}"
        self.immune = name if due else None
        if due:
            self.passed[level] = 0.0
        self.running = taken
        self.events.append((now, "started", name))


arrival = st.tuples(st.floats(0.0, 3000.0), st.sampled_from(LEVELS), st.sampled_from([5.0, 30.0, LONGEST]))
mixes = st.lists(arrival, min_size=1, max_size=60).map(lambda a: sorted(a, key=lambda one: one[0]))


@settings(max_examples=50, deadline=None)
@given(mixes)
def test_a_lower_command_runs_before_a_higher_only_when_it_was_due_and_everything_ends(arrivals):
    play = Play(arrivals)
    accepted = {name for _, what, name in play.events if what == "started"}
    assert {name for _, what, name in play.events if what == "ended"} == accepted


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["normal", "background"]), st.sampled_from([5.0, 30.0, 60.0, LONGEST]), st.data())
def test_nobody_starves_under_an_endless_stream_of_higher_commands(level, length, data):
    """Higher ones come without end, at every moment one more than could be run; the lower one's end is within
    its timeout and three of the longest commands."""
    higher = [one for one in LEVELS if RANK[one] < RANK[level]]
    end = STARVATION_TIMEOUT[level] + 5.0 * LONGEST
    stream = [
        (at * length / 2, data.draw(st.sampled_from(higher)), length) for at in range(int(2 * end / length))
    ]
    lonely = data.draw(st.floats(0.0, 50.0))
    arrivals = sorted([*stream, (lonely, level, LONGEST)], key=lambda one: one[0])
    play = Play(arrivals)
    name = next(str(k) for k, one in enumerate(arrivals) if one[:2] == (lonely, level))
    done = next(at for at, what, one in play.events if what == "ended" and one == name)
    assert (
        done - lonely <= STARVATION_TIMEOUT[level] + 3.0 * LONGEST + LONGEST + 2 * TICK
    )  # and its own length


def test_a_command_that_is_preempted_again_and_again_comes_to_its_end():
    """An urgent one comes as soon as the last has ended and the normal one has gone on: without a memory of
    who was passed over, the normal one would start for ever."""
    arrivals = [(0.0, "normal", 60.0), *((10.0 + 35.0 * k, "urgent", 30.0) for k in range(40))]
    play = Play(arrivals)
    done = next(at for at, what, name in play.events if what == "ended" and name == "0")
    assert [what for _, what, name in play.events if name == "0"].count("preempted") >= 3
    assert done < STARVATION_TIMEOUT["normal"] + 3.0 * 60.0


def test_a_flood_of_background_commands_takes_no_place_from_a_higher_one():
    queue = CommandQueue()
    assert all(queue.push(job(str(k), "background")) for k in range(CAPACITY))
    assert not queue.push(job("one too many", "background"))
    assert queue.push(job("n", "normal"))
    assert queue.push(job("u", "urgent"))
    assert queue.waiting() == {"urgent": 1, "normal": 1, "background": CAPACITY}
    assert queue.pop().plan.command_id == "u"


def test_a_stop_comes_before_what_is_due_and_ends_what_was_granted():
    queue = CommandQueue()
    running = job("u", "urgent")
    queue.push(job("n", "normal"))
    queue.elapse(0.0, running.plan)
    queue.elapse(STARVATION_TIMEOUT["normal"] + 1.0, running.plan)
    queue.push(job("s", "stop"))
    assert queue.pop().plan.command_id == "s"
    granted = queue.pop()
    queue.push(job("u2", "urgent"))
    assert granted.plan.command_id == "n"
    assert not queue.outranks(granted.plan)
    queue.push(job("s2", "stop"))
    assert queue.outranks(granted.plan)


def test_waiting_for_an_equal_makes_nobody_due():
    """A normal command that waited long for another normal one gives way to an urgent one at once."""
    queue = CommandQueue()
    running = job("a", "normal")
    queue.push(job("b", "normal"))
    queue.elapse(0.0, running.plan)
    queue.elapse(10.0 * STARVATION_TIMEOUT["normal"], running.plan)
    queue.ended(running.plan)
    second = queue.pop()
    queue.push(job("u", "urgent"))
    assert queue.outranks(second.plan)
