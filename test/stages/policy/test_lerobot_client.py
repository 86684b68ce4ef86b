"""LeRobot's asynchronous inference on real sockets: our client against a server of the public protocol, with
stand-ins for LeRobot's classes and PyTorch's tensors, pickled as the two do it."""

import contextlib
import dataclasses
import io
import os
import pickle
import socket
import struct
import sys
import threading
import time
import types
from collections.abc import Callable
from concurrent import futures

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vla_sim.common.errors import InputError
from vla_sim.stages.policy import lerobot, lerobot_pickle, mapping
from vla_sim.stages.policy.client import Address, connect
from vla_sim.stages.policy.errors import PolicyError, TooLateError
from vla_sim.stages.policy.lerobot import LeRobotClient

grpc = pytest.importorskip("grpc")
pytest.importorskip("google.protobuf")

MAPPING = mapping.parse(
    """\
version: 1
about: A right arm, by LeRobot's protocol.
rate: 10
execute: 4
observation:
  - {key: observation.images.head, image: color}
  - {key: observation.state, values: [right_arm, right_gripper]}
  - {key: task, text: "pick up the {object}"}
actions: {parts: [right_arm, right_gripper]}
lerobot: {type: act, weights: /srv/picks, device: cuda, actions: 50}
""",
    "a.yaml",
)
OBSERVATION = {
    "observation.images.head": np.arange(2_400_000, dtype=np.uint8).reshape(1000, 800, 3),
    "observation.state": np.arange(8, dtype=np.float32),
    "task": "pick up the red cup",
}
ACTIONS = np.arange(24.0, dtype=np.float32).reshape(3, 8)


@pytest.fixture
def classes(monkeypatch):
    """LeRobot's classes where pickles look for them."""
    module = types.ModuleType(lerobot_pickle.MODULE)
    for name, fields in {
        "TimedObservation": ["timestamp", "timestep", "observation", "must_go"],
        "TimedAction": ["timestamp", "timestep", "action"],
        "RemotePolicyConfig": [
            "policy_type", "pretrained_name_or_path", "lerobot_features", "actions_per_chunk", "device",
            "rename_map",
        ],
    }.items():  # fmt: skip
        made = dataclasses.make_dataclass(name, fields)
        made.__module__ = lerobot_pickle.MODULE
        setattr(module, name, made)
    parts = lerobot_pickle.MODULE.split(".")
    for k in range(1, len(parts)):
        monkeypatch.setitem(sys.modules, ".".join(parts[:k]), types.ModuleType(".".join(parts[:k])))
    monkeypatch.setitem(sys.modules, lerobot_pickle.MODULE, module)
    return module


class Named:
    """Pickled as the name of a thing that is not here."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Made:
    """Pickled as a call of a named function."""

    def __init__(self, named, *args):
        self.named, self.args = named, args


class Writer(pickle._Pickler):
    """Writes names that cannot be imported."""

    write: Callable[[bytes], object]

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Named):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, Made):
            self.save(obj.named)
            self.save(obj.args)
            self.write(pickle.REDUCE)
        else:
            super().save(obj, save_persistent_id)

    def persistent_id(self, obj):
        return obj.value if isinstance(obj, Stored) else None


class Stored:
    def __init__(self, value):
        self.value = value


def written(obj, protocol=3):
    out = io.BytesIO()
    Writer(out, protocol).dump(obj)
    return out.getvalue()


def torch_storage(values, kind="FloatStorage"):
    """As `torch.save(storage, file, _use_new_zipfile_serialization=False)` writes it."""
    about = Stored(("storage", Named("torch", kind), "94", "cpu", len(values), None))
    sizes = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    parts = [written(one, 2) for one in (0x1950A86A20F9469CFC6C, 1001, sizes, about, ["94"])]
    return b"".join(parts) + struct.pack("<q", len(values)) + values.tobytes()


def torch_tensor(values, offset, shape, strides, kind="FloatStorage"):
    numbers = Made(Named("torch.storage", "_load_from_bytes"), torch_storage(values, kind))
    hooks = Made(Named("collections", "OrderedDict"))
    return Made(Named("torch._utils", "_rebuild_tensor_v2"), numbers, offset, shape, strides, False, hooks)


def timed(classes, tensors):
    """A pickled list of timed actions, as the server sends it."""
    return written([classes.TimedAction(0.0, k, one) for k, one in enumerate(tensors)])


def rows(values, kind="FloatStorage"):
    """The rows of (n, m) values, each a view into all of them."""
    n, m = values.shape
    return [torch_tensor(values.ravel(), m * k, (m,), (1,), kind) for k in range(n)]


class Server:
    """What the public server does with what it is sent. answer(observation): bytes of its actions."""

    def __init__(self, answer):
        self.answer, self.calls, self.told, self.seen = answer, [], None, []

    def ready(self, request, context):
        self.calls.append("Ready")
        return b""

    def send_policy_instructions(self, request, context):
        self.calls.append("SendPolicyInstructions")
        self.told = pickle.loads(field(request, 1))
        return b""

    def send_observations(self, request, context):
        self.calls.append("SendObservations")
        pieces = [(state(one), field(one, 2)) for one in request]
        assert [s for s, _ in pieces] == ([3] if len(pieces) == 1 else [1, *[2] * (len(pieces) - 2), 3])
        self.seen.append(pickle.loads(b"".join(data for _, data in pieces)))
        return b""

    def get_actions(self, request, context):
        self.calls.append("GetActions")
        found = self.answer(self.seen[-1])
        return b"\x0a" + varint(len(found)) + found if found else b""


def varint(value):
    out = b""
    while True:
        low, value = value & 0x7F, value >> 7
        out += bytes([low | (0x80 if value else 0)])
        if not value:
            return out


def fields(message):
    """Of a message of numbers and bytes: (field, value) in order."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    while at < len(message):
        tag = number()
        if tag & 7 == 0:
            yield tag >> 3, number()
        else:
            size = number()
            yield tag >> 3, message[at : at + size]
            at += size


def field(message, number):
    return dict(fields(message)).get(number, b"")


def state(message):
    return dict(fields(message)).get(1, 0)


@contextlib.contextmanager
def serving(answer, name="transport.AsyncInference"):
    """A server and its address."""
    servicer = Server(answer)
    server = grpc.server(futures.ThreadPoolExecutor(4))
    one = grpc.unary_unary_rpc_method_handler
    methods = {
        "Ready": one(servicer.ready),
        "SendPolicyInstructions": one(servicer.send_policy_instructions),
        "SendObservations": grpc.stream_unary_rpc_method_handler(servicer.send_observations),
        "GetActions": one(servicer.get_actions),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield servicer, Address("lerobot", "127.0.0.1", port)
    finally:
        server.stop(0).wait(5.0)


def test_a_server_is_told_its_policy_and_asked_for_actions(classes):
    with serving(lambda _: timed(classes, rows(ACTIONS))) as (server, where):
        first = LeRobotClient(where, MAPPING, 10.0)
        first.prepare(10.0)
        first.close()
        client = LeRobotClient(where, MAPPING, 10.0)
        for _ in range(2):
            np.testing.assert_array_equal(client.infer(OBSERVATION)["actions"], ACTIONS)
        client.close()
    asked = ["SendObservations", "GetActions"]
    assert server.calls == ["Ready", "SendPolicyInstructions", "Ready", *asked, *asked]
    told = server.told
    assert isinstance(told, classes.RemotePolicyConfig)
    assert (told.policy_type, told.pretrained_name_or_path) == ("act", "/srv/picks")
    assert (told.device, told.actions_per_chunk, told.rename_map) == ("cuda", 50, {})
    one, two = server.seen
    assert isinstance(one, classes.TimedObservation)
    assert (one.timestep, two.timestep, one.must_go) == (0, 1, True)
    # What LeRobot's server makes of it by the features that it was told.
    features = told.lerobot_features
    numbers = [one.observation[name] for name in features["observation.state"]["names"]]
    assert numbers == list(range(8))
    assert features["observation.state"]["dtype"] == "float32"
    assert len(features["observation.state"]["shape"]) == 1
    assert features["observation.images.head"]["dtype"] == "image"
    np.testing.assert_array_equal(one.observation["head"], OBSERVATION["observation.images.head"])
    assert one.observation["task"] == "pick up the red cup"


def test_a_server_that_cannot_infer_says_nothing_and_that_is_told(classes):
    with (
        serving(lambda _: b"") as (_, where),
        pytest.raises(PolicyError, match="gave no actions, and its log"),
    ):
        LeRobotClient(where, MAPPING, 10.0).infer(OBSERVATION)


def test_a_server_that_fails_is_told(classes):
    def fails(observation):
        raise ValueError("out of\nmemory")

    with serving(fails) as (_, where), pytest.raises(PolicyError, match=r"failed: .*out of memory") as caught:
        LeRobotClient(where, MAPPING, 10.0).infer(OBSERVATION)
    assert str(caught.value).isprintable()


def test_a_server_that_is_silent_is_told(classes):
    with serving(lambda _: time.sleep(1.0)) as (_, where):
        client = LeRobotClient(where, MAPPING, 0.5)
        with pytest.raises(TooLateError, match=r"has not answered for 0\.5 s"):
            client.infer(OBSERVATION)
        client.close()


def test_a_server_that_is_away_is_told():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = LeRobotClient(Address("lerobot", "127.0.0.1", port), MAPPING, 10.0)
    with pytest.raises(PolicyError, match="cannot be reached; start its server"):
        client.prepare(10.0)


def test_another_service_is_told():
    with serving(lambda _: b"", "another.Service") as (_, where):
        client = LeRobotClient(where, MAPPING, 10.0)
        with pytest.raises(PolicyError, match="does not speak LeRobot's protocol"):
            client.prepare(10.0)
        client.close()


def test_closing_ends_a_question_that_waits_at_once(classes):
    with serving(lambda _: time.sleep(1.5)) as (_, where):
        client, ended = LeRobotClient(where, MAPPING, 30.0), []

        def ask():
            try:
                client.infer(OBSERVATION)
            except PolicyError as error:
                ended.append(str(error))

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.5)
        client.close()
        thread.join(1.0)
        assert not thread.is_alive()
    assert len(ended) == 1


def test_pickles_are_refused_unless_they_are_allowed():
    where = Address("lerobot", "127.0.0.1", 1)
    with pytest.raises(InputError, match="allow it with --policy-pickle"):
        connect(where, MAPPING, 1.0)
    connect(where, MAPPING, 1.0, pickle=True).close()


def test_a_mapping_must_say_what_the_server_is_to_load():
    bare = msgspec.structs.replace(MAPPING, lerobot=None)
    with pytest.raises(InputError, match="add to it lerobot"):
        LeRobotClient(Address("lerobot", "127.0.0.1", 1), bare, 1.0)


def test_a_mapping_must_not_name_several_arrays():
    actions = msgspec.structs.replace(MAPPING.actions, keys=["right_arm", "right_hand"])
    several = msgspec.structs.replace(MAPPING, actions=actions)
    with pytest.raises(InputError, match="remove keys from its actions"):
        LeRobotClient(Address("lerobot", "127.0.0.1", 1), several, 1.0)


@pytest.mark.parametrize(
    "entry",
    [
        mapping.Entry(key="image", image="color"), mapping.Entry(key="observation.depth", image="depth"),
        mapping.Entry(key="observation.images.head", image="color", channels_first=True),
        mapping.Entry(key="state", values=["joints"]), mapping.Entry(key="prompt", text="go"),
        mapping.Entry(key=["observation", "state"], values=["joints"]),
    ],
)  # fmt: skip
def test_what_the_protocol_has_no_place_for_is_told(entry):
    with pytest.raises(InputError, match="and nothing else"):
        lerobot.features(msgspec.structs.replace(MAPPING, observation=[entry]))


@pytest.mark.parametrize(
    ("kind", "numpy"), [("FloatStorage", "<f4"), ("DoubleStorage", "<f8"), ("HalfStorage", "<f2")]
)
def test_numbers_of_every_size_are_read(classes, kind, numpy):
    found = lerobot_pickle.actions(timed(classes, rows(ACTIONS.astype(numpy), kind)))
    np.testing.assert_array_equal(found, ACTIONS)


def test_brain_floats_are_read(classes):
    upper = (ACTIONS.view("<u4") >> 16).astype("<u2")
    np.testing.assert_array_equal(
        lerobot_pickle.actions(timed(classes, rows(upper, "BFloat16Storage"))), ACTIONS
    )


class Evil:
    def __reduce__(self):
        return os.mkdir, ("/tmp/never",)


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps([Evil()]), pickle.dumps([np.float64(1.0)]), pickle.dumps([1]), pickle.dumps([]), b"",
        written(Made(Named("torch.storage", "_load_from_bytes"), pickle.dumps(Evil()))),
        written(Made(Named("torch._utils", "_rebuild_tensor_v2"), 1, 2, 3)),
    ],
)  # fmt: skip
def test_a_pickle_of_anything_else_is_refused_and_runs_nothing(data, monkeypatch):
    monkeypatch.setattr(os, "mkdir", pytest.fail)
    with pytest.raises(PolicyError, match="no list of timed actions"):
        lerobot_pickle.actions(data)


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (9,), (1,)), (8, (1,), (1,)), (-1, (2,), (1,)), (0, (2,), (-1,)), (0, (1 << 60,), (0,)),
        (0, (0,), (1,)), (0, (2, 4), (4, 1)), (0, (2000,), (0,)),
    ],
)  # fmt: skip
def test_a_tensor_beyond_its_memory_is_refused(classes, offset, shape, strides):
    one = torch_tensor(np.zeros(8, np.float32), offset, shape, strides)
    with pytest.raises(PolicyError):
        lerobot_pickle.actions(timed(classes, [one]))


@given(st.binary(max_size=300))
def test_any_bytes_are_actions_or_refused(data):
    with contextlib.suppress(PolicyError):
        lerobot_pickle.actions(pickle.PROTO + b"\x02" + data)
