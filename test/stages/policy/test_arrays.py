"""Arrays in MessagePack, held against the public client's own."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.stages.policy import arrays
from vla_sim.stages.policy.errors import PolicyError

OBSERVATION = {
    "observation/image": np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
    "state": np.array([0.1, -2.0], np.float32),
    "nested": {"mask": np.array([True, False])},
    "one": np.float32(0.5),
    "prompt": "pick up the red cup",
}


def same(a, b):
    assert a.keys() == b.keys()
    for key, value in a.items():
        if isinstance(value, dict):
            same(value, b[key])
        elif isinstance(value, np.ndarray):
            assert value.dtype == b[key].dtype
            np.testing.assert_array_equal(value, b[key])
        else:
            assert value == b[key]


def test_what_is_written_is_read():
    same(arrays.decode(arrays.encode(OBSERVATION)), OBSERVATION)


def test_the_public_client_writes_and_reads_the_same():
    public = pytest.importorskip("openpi_client.msgpack_numpy")
    same(public.unpackb(arrays.encode(OBSERVATION)), OBSERVATION)
    same(arrays.decode(public.packb(OBSERVATION)), OBSERVATION)


@pytest.mark.parametrize("kind", ["|O", "|V8", "<c8", "<M8[s]", "nonsense"])
def test_arrays_of_anything_but_numbers_are_refused(kind):
    data = arrays.encode({b"__ndarray__": True, b"data": bytes(8), b"dtype": kind, b"shape": [1]})
    with pytest.raises(PolicyError):
        arrays.decode(data)


@pytest.mark.parametrize("shape", [[3], [-1, -2], [1 << 40], ["two"], [[2]]])
def test_a_shape_that_its_bytes_do_not_fill_is_refused(shape):
    data = arrays.encode({b"__ndarray__": True, b"data": bytes(16), b"dtype": "<f8", b"shape": shape})
    with pytest.raises(PolicyError):
        arrays.decode(data)


@pytest.mark.parametrize("said", [
    {b"__ndarray__": True}, {b"__ndarray__": True, b"data": b"", b"dtype": ",", b"shape": [0]},
    {b"__npgeneric__": True, b"data": 300, b"dtype": "|i1"},
    {b"__npgeneric__": True, b"data": 1 << 30, b"dtype": "V"},
])  # fmt: skip
def test_what_is_no_array_and_no_number_is_refused(said):
    with pytest.raises(PolicyError):
        arrays.decode(arrays.encode({"actions": said}))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_refused(data):
    with contextlib.suppress(PolicyError):
        arrays.decode(data)


def test_what_no_server_reads_is_not_sent():
    with pytest.raises(TypeError, match="a complex"):
        arrays.encode({"a": 1j})
