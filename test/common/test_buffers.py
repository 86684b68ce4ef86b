"""The pool's two promises: no buffer has two owners, and none is lost."""

import threading

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from vla_sim.common.buffers import KINDS, MOST, BufferPool, Lease

SHAPES = [(4, 6, 3), (4, 6), (8,), (0, 3), ()]
DTYPES = [np.uint8, np.float32, np.dtype(">u2")]


class Owners(RuleBasedStateMachine):
    """Leases are taken, viewed, released and forgotten in any order, memory gets short in between; whoever
    holds memory finds its own mark in it as long as it holds it. Bundles hold numbers alone, so that what is
    dropped here is dropped."""

    leases, views = Bundle("leases"), Bundle("views")

    def __init__(self):
        super().__init__()
        self.pool = BufferPool(most=2, kinds=3)
        self.number = 0
        self.held = {}

    def hold(self, thing, mark):
        self.number += 1
        self.held[self.number] = thing, mark
        return self.number

    @rule(target=leases, shape=st.sampled_from(SHAPES), dtype=st.sampled_from(DTYPES))
    def take(self, shape, dtype):
        lease = self.pool.lease(shape, dtype)
        assert lease.array.shape == shape
        assert lease.array.dtype == np.dtype(dtype)
        mark = (self.number + 1) % 256
        np.frombuffer(lease.data, np.uint8)[...] = mark
        return self.hold(lease, mark)

    @rule(target=views, number=leases, how=st.sampled_from(["array", "slice", "bytes", "memoryview"]))
    def view(self, number, how):
        """Somebody takes a view and keeps it, maybe beyond the lease."""
        lease, mark = self.held[number]
        if how == "array":
            return self.hold(lease.array, mark)
        if how == "slice":
            return self.hold(lease.array.reshape(-1)[1:], mark)
        return self.hold(lease.data if how == "bytes" else memoryview(lease.data), mark)

    @rule(number=consumes(leases))
    def release(self, number):
        lease, _ = self.held.pop(number)
        lease.release()
        with pytest.raises(RuntimeError, match="released"):
            lease.release()
        with pytest.raises(RuntimeError, match="released"):
            lease.array  # noqa: B018
        with pytest.raises(RuntimeError, match="released"):
            lease.data  # noqa: B018

    @rule(number=consumes(leases))
    def forget(self, number):
        del self.held[number]

    @rule(number=consumes(views))
    def let_go(self, number):
        del self.held[number]

    @rule()
    def memory_is_short(self):
        self.pool.cleanup()
        assert self.pool.idle == self.pool.idle_bytes == 0

    @invariant()
    def nobody_finds_anothers_mark(self):
        for thing, mark in self.held.values():
            data = thing.data if isinstance(thing, Lease) else np.asarray(thing).tobytes()
            assert set(data) <= {mark}

    @invariant()
    def no_buffer_is_made_up_or_lost(self):
        counts = self.pool.counts
        leased = sum(isinstance(thing, Lease) for thing, _ in self.held.values())
        assert counts["lent"] == leased
        assert counts["made"] == leased + self.pool.idle + counts["dropped"] + counts["kept by others"]

    @invariant()
    def what_is_idle_is_bounded(self):
        assert self.pool.idle <= 2 * 3


Owners.TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
TestOwners = Owners.TestCase


def test_a_buffer_is_lent_again_and_nothing_is_made_for_it():
    pool = BufferPool()
    for _ in range(100):
        lease = pool.lease((48, 64, 3), np.uint8)
        lease.array[...] = 7
        lease.release()
    assert (pool.counts["made"], pool.counts["reused"]) == (1, 99)


def test_the_variable_of_a_with_block_that_lives_on_keeps_its_memory():
    """The one way to hold a buffer too long that happens by itself."""
    pool = BufferPool()
    with pool.lease((4,), np.uint8) as mine:
        mine[...] = 1
    with pool.lease((4,), np.uint8) as yours:
        yours[...] = 2
    assert mine.tolist() == [1, 1, 1, 1]
    assert not np.shares_memory(mine, yours)


def test_a_message_that_holds_the_bytes_keeps_its_memory():
    from sensor_msgs.msg import Image

    pool = BufferPool()
    lease = pool.lease((2, 2, 3), np.uint8)
    lease.array[...] = 5
    message = Image(height=2, width=2, check_fields=True)
    message.data = lease.data
    lease.release()
    other = pool.lease((2, 2, 3), np.uint8)
    other.array[...] = 9
    assert set(message.data) == {5}
    assert pool.counts["kept by others"] == 1


def test_without_a_holder_the_same_memory_comes_back():
    pool = BufferPool()
    lease = pool.lease((3,), np.float32)
    address = lease.array.ctypes.data
    lease.release()
    assert pool.lease((3,), np.float32).array.ctypes.data == address


def test_a_forgotten_lease_comes_back_when_it_is_collected():
    pool = BufferPool()
    pool.lease((3,), np.float32)
    assert pool.counts["forgotten"] == 1
    assert (pool.counts["lent"], pool.idle) == (0, 1)


def test_an_error_in_the_block_gives_the_buffer_back():
    pool = BufferPool()
    with pytest.raises(ZeroDivisionError), pool.lease((3,), np.float32):
        1 / 0  # noqa: B018
    assert pool.counts["lent"] == 0


def test_no_more_is_kept_than_the_bounds_say():
    pool = BufferPool()
    for n in range(3 * KINDS):
        leases = [pool.lease((n,), np.uint8) for _ in range(2 * MOST)]
        for one in leases:
            one.release()
    assert pool.idle == KINDS * MOST


def test_a_negative_size_is_refused():
    with pytest.raises(ValueError, match="negative"):
        BufferPool().lease((-1, 3), np.uint8)


def test_threads_never_share_a_buffer():
    pool, wrong = BufferPool(most=3), []

    def work(mark):
        for _ in range(300):
            lease = pool.lease((64,), np.uint8)
            lease.array[...] = mark
            if (lease.array != mark).any():
                wrong.append(mark)
            lease.release()

    threads = [threading.Thread(target=work, args=(mark,)) for mark in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong
    assert pool.counts["lent"] == 0
    assert pool.counts["made"] == pool.idle + pool.counts["dropped"] + pool.counts["kept by others"]
