"""The pool's two promises: no buffer has two owners, and none is lost."""

import threading

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from vla_sim.common.buffers import KINDS, MOST, TensorPool

SHAPES = [(4, 6, 3), (4, 6), (8,), (0, 3), ()]
DTYPES = [np.uint8, np.float32, np.dtype(">u2")]


class Owners(RuleBasedStateMachine):
    """Buffers are taken, viewed and let go in any order, memory gets short in between; whoever holds memory
    finds its own mark in it as long as it holds it. The bundle holds numbers alone, so that what is dropped
    here is dropped."""

    holders = Bundle("holders")

    def __init__(self):
        super().__init__()
        self.pool = TensorPool(most=2, kinds=3)
        self.number = 0
        self.held = {}

    def hold(self, thing, mark):
        self.number += 1
        self.held[self.number] = thing, mark
        return self.number

    @rule(
        target=holders, shape=st.sampled_from(SHAPES), dtype=st.sampled_from(DTYPES), as_bytes=st.booleans()
    )
    def take(self, shape, dtype, as_bytes):
        array, data = self.pool.get_tensor(shape, dtype)
        assert array.shape == shape
        assert array.dtype == np.dtype(dtype)
        mark = (self.number + 1) % 256
        np.frombuffer(data, np.uint8)[...] = mark
        return self.hold(data if as_bytes else array, mark)

    @rule(target=holders, number=holders, how=st.sampled_from(["itself", "slice", "memoryview"]))
    def view(self, number, how):
        """Somebody takes a view and keeps it, maybe for longer than what it is a view of."""
        thing, mark = self.held[number]
        if how == "slice":
            return self.hold(np.asarray(thing).reshape(-1)[1:], mark)
        return self.hold(memoryview(thing) if how == "memoryview" else thing, mark)

    @rule(number=consumes(holders))
    def let_go(self, number):
        del self.held[number]

    @rule()
    def memory_is_short(self):
        self.pool.cleanup_unused_tensors()
        assert self.pool.cleanup_unused_tensors() == 0

    @invariant()
    def nobody_finds_anothers_mark(self):
        for thing, mark in self.held.values():
            assert set(np.asarray(thing).tobytes()) <= {mark}


Owners.TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
TestOwners = Owners.TestCase


def test_a_buffer_is_used_again_and_nothing_is_made_for_it():
    pool = TensorPool()
    for _ in range(100):
        pool.get_tensor((48, 64, 3), np.uint8)[0][...] = 7
    assert pool.made == 1


def test_a_message_that_holds_the_bytes_keeps_its_memory_as_long_as_it_lives():
    from sensor_msgs.msg import Image

    pool = TensorPool()
    message = Image(height=2, width=2, check_fields=True)
    array, message.data = pool.get_tensor((2, 2, 3), np.uint8)
    array[...] = 5
    address = array.ctypes.data
    del array
    other, _ = pool.get_tensor((2, 2, 3), np.uint8)
    other[...] = 9
    assert set(message.data) == {5}
    del message
    assert pool.get_tensor((2, 2, 3), np.uint8)[0].ctypes.data == address
    assert pool.made == 2


def test_no_more_is_kept_than_the_bounds_say():
    pool = TensorPool()
    for n in range(1, 3 * KINDS + 1):
        held = [pool.get_tensor((n,), np.uint8) for _ in range(2 * MOST)]
        del held
    assert pool.cleanup_unused_tensors() == MOST * sum(range(2 * KINDS + 1, 3 * KINDS + 1))


def test_what_is_held_when_memory_is_short_stays_with_its_holder():
    pool = TensorPool()
    array, _ = pool.get_tensor((3,), np.float32)
    array[...] = 1.0
    assert pool.cleanup_unused_tensors() == 0
    pool.get_tensor((3,), np.float32)[0][...] = 2.0
    assert array.tolist() == [1.0, 1.0, 1.0]
    assert pool.cleanup_unused_tensors() == 12


@pytest.mark.parametrize("shape", [(-1, 3), (-1, -3)])
def test_a_negative_size_is_refused(shape):
    with pytest.raises(ValueError, match="negative"):
        TensorPool().get_tensor(shape, np.uint8)


def test_threads_never_share_a_buffer():
    pool, wrong = TensorPool(most=3), []

    def work(mark):
        for _ in range(300):
            array, _ = pool.get_tensor((64,), np.uint8)
            array[...] = mark
            if (array != mark).any():
                wrong.append(mark)

    threads = [threading.Thread(target=work, args=(mark,)) for mark in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong
