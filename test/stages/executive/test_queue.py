from hypothesis import given
from hypothesis import strategies as st

from vla_sim.contract.records import PRIORITIES, Plan
from vla_sim.stages.executive.queue import CAPACITY, CommandQueue, Job


def job(name, priority="normal"):
    return Job(Plan(command_id=name, text="", steps=[], planner="rules", priority=priority), (0, 0, 0))


def drain(queue):
    return [j.plan.command_id for j in queue.clear()]


@given(st.lists(st.sampled_from(PRIORITIES), max_size=CAPACITY))
def test_order_is_by_priority_and_then_by_arrival(priorities):
    queue = CommandQueue()
    for i, priority in enumerate(priorities):
        assert queue.push(job(str(i), priority))
    expected = sorted(range(len(priorities)), key=lambda i: (PRIORITIES.index(priorities[i]), i))
    assert drain(queue) == [str(i) for i in expected]


def test_a_preempted_job_comes_before_its_equals():
    queue = CommandQueue()
    queue.push(job("b"))
    queue.push(job("a"), front=True)
    queue.push(job("u", "urgent"))
    assert drain(queue) == ["u", "a", "b"]


def test_a_full_queue_says_so():
    queue = CommandQueue()
    assert all(queue.push(job(str(i))) for i in range(CAPACITY))
    assert not queue.push(job("one too many"))
    assert sum(queue.waiting().values()) == CAPACITY


def test_only_a_higher_priority_outranks():
    queue = CommandQueue()
    assert not queue.outranks(job("x").plan)
    queue.push(job("b", "background"))
    assert not queue.outranks(job("x").plan)
    queue.push(job("u", "urgent"))
    assert queue.outranks(job("x").plan)
    assert not queue.outranks(job("y", "urgent").plan)
