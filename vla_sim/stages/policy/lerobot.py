"""LeRobot's asynchronous inference: gRPC, whose messages carry pickles (github.com/huggingface/lerobot,
Apache-2.0: transport/services.proto, async_inference/policy_server.py and robot_client.py of 0.4 to 0.6).

The server is told once which policy to load. Then an observation is sent, and its actions are asked for. It
has no words for what goes wrong while it infers: it answers nothing, and its log says why. It serves one
robot.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

from vla_sim.common.errors import InputError, package
from vla_sim.stages.policy import lerobot_pickle
from vla_sim.stages.policy.client import Address, PolicyClient
from vla_sim.stages.policy.errors import PolicyError, TooLateError
from vla_sim.stages.policy.mapping import Mapping
from vla_sim.stages.policy.observation import width

IMAGES = "observation.images."
"""Before the name of a camera."""
STATE = "observation."
LARGEST_ANSWER = 16_000_000
"""Bytes."""
PIECE = 2_000_000
"""Bytes of a message, which may have 4 MB."""
BEGIN, MIDDLE, END = 1, 2, 3
"""Which piece of an observation a message has."""
SERVICE = "transport.AsyncInference"
MISSING = "LeRobot's protocol is spoken with grpcio and protobuf; pip install 'vla_sim[policy]'"


@cache
def messages() -> dict[str, Any]:
    """The classes of the protocol's messages, by name. Raises `MissingError`."""
    written = package("google.protobuf.descriptor_pb2", MISSING)
    file = written.FileDescriptorProto(name="async_inference.proto", package="transport", syntax="proto3")
    kinds = written.FieldDescriptorProto
    fields = {
        "Empty": {}, "PolicySetup": {"data": kinds.TYPE_BYTES}, "Actions": {"data": kinds.TYPE_BYTES},
        # An enumeration in the protocol, which is a number on the wire.
        "Observation": {"transfer_state": kinds.TYPE_INT32, "data": kinds.TYPE_BYTES},
    }  # fmt: skip
    for name, parts in fields.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(parts.items(), 1):
            message.field.add(name=field, number=number, type=kind, label=kinds.LABEL_OPTIONAL)
    pool = package("google.protobuf.descriptor_pool", MISSING).DescriptorPool()
    pool.Add(file)
    make = package("google.protobuf.message_factory", MISSING).GetMessageClass
    return {name: make(pool.FindMessageTypeByName(f"transport.{name}")) for name in fields}


class LeRobotClient(PolicyClient):
    """See `PolicyClient`. Raises `InputError`, `MissingError`."""

    def __init__(self, where: Address, mapping: Mapping, timeout: float) -> None:
        self._grpc = package("grpc", MISSING)
        self._messages = messages()
        if mapping.lerobot is None:
            raise InputError(
                f"--policy {where}: the mapping does not say what the server is to load: add to it "
                "lerobot: {type: act, weights: FOLDER, actions: 50}"
            )
        if mapping.actions.keys is not None:
            raise InputError(
                f"--policy {where}: LeRobot's protocol answers with one array, and the mapping's actions "
                "name several; remove keys from its actions"
            )
        self._where, self._mapping, self._timeout = where, mapping, timeout
        self._features = features(mapping)
        self._steps = itertools.count()
        self._line: Any = None
        self._closed = False

    def prepare(self, timeout: float) -> None:
        told = self._mapping.lerobot
        assert told is not None
        data = lerobot_pickle.write(
            "RemotePolicyConfig", policy_type=told.type, pretrained_name_or_path=told.weights,
            lerobot_features=self._features, actions_per_chunk=told.actions, device=told.device,
            rename_map={},
        )  # fmt: skip
        self._call("SendPolicyInstructions", self._messages["PolicySetup"](data=data), timeout)

    def infer(self, observation: dict[str, Any]) -> dict[str, Any]:
        # must_go: also where the robot has hardly moved since the last one.
        data = lerobot_pickle.write(
            "TimedObservation", timestamp=time.time(), timestep=next(self._steps),
            observation=flat(observation), must_go=True,
        )  # fmt: skip
        self._call("SendObservations", pieces(data, self._messages["Observation"]), self._timeout)
        answer = self._call("GetActions", self._messages["Empty"](), self._timeout)
        if not answer.data:
            raise PolicyError(
                f"the policy at {self._where} gave no actions, and its log says why; one that was started "
                "anew has no policy until this stack is started anew too"
            )
        try:
            return {self._mapping.actions.key: lerobot_pickle.actions(answer.data)}
        except PolicyError as error:
            raise PolicyError(f"the policy at {self._where} {error}") from None

    def close(self) -> None:
        self._closed = True
        if self._line is not None:
            self._line.close()

    def _call(self, method: str, request: Any, timeout: float) -> Any:
        who, code = f"the policy at {self._where}", self._grpc.StatusCode
        if self._closed:
            raise PolicyError(f"{who} is not needed any more")
        try:
            if self._line is None:
                self._line = self._grpc.insecure_channel(
                    str(self._where).removeprefix(f"{self._where.scheme}://"),
                    [("grpc.max_receive_message_length", LARGEST_ANSWER), ("grpc.enable_http_proxy", 0)],
                )
                self._method("Ready")(self._messages["Empty"](), timeout=self._timeout)
            return self._method(method)(request, timeout=timeout)
        except self._grpc.RpcError as error:
            if error.code() == code.DEADLINE_EXCEEDED:
                raise TooLateError(f"{who} has not answered for {timeout:g} s") from None
            if error.code() == code.UNAVAILABLE:
                raise PolicyError(f"{who} cannot be reached; start its server") from None
            if error.code() == code.UNIMPLEMENTED:
                raise PolicyError(f"{who} does not speak LeRobot's protocol") from None
            raise PolicyError(f"{who} failed: {error.details()}") from None
        except ValueError:  # of a channel that was closed meanwhile
            raise PolicyError(f"{who} is not needed any more") from None

    def _method(self, name: str) -> Callable[..., Any]:
        kind = self._line.stream_unary if name == "SendObservations" else self._line.unary_unary
        answer = self._messages["Actions" if name == "GetActions" else "Empty"]
        found: Callable[..., Any] = kind(
            f"/{SERVICE}/{name}", lambda request: request.SerializeToString(), answer.FromString
        )
        return found


def features(mapping: Mapping) -> dict[str, dict[str, Any]]:
    """What an observation holds, as LeRobot's datasets say it: where its server takes what it needs from.
    Raises `InputError` for what that cannot be told."""
    out: dict[str, dict[str, Any]] = {}
    for entry in mapping.observation:
        key = "/".join(entry.path)
        if entry.image == "color" and key.startswith(IMAGES) and not entry.channels_first:
            names = ["height", "width", "channels"]
            out[key] = {"dtype": "image", "shape": (*(entry.size or (0, 0)), 3), "names": names}
        elif entry.values is not None and key.startswith(STATE) and not key.startswith(IMAGES):
            names = [f"{key}.{i}" for i in range(sum(width(value) for value in entry.values))]
            out[key] = {"dtype": "float32", "shape": (len(names),), "names": names}
        elif entry.text is None or key != "task":
            raise InputError(
                f"observation {key}: LeRobot's protocol has {IMAGES}NAME for color images, observation.state "
                "for numbers and task for the text, and nothing else"
            )
    return out


def flat(observation: dict[str, Any]) -> dict[str, Any]:
    """An observation as a robot's own: each number by its name, each image by its camera's."""
    out: dict[str, Any] = {}
    for key, value in observation.items():
        if isinstance(value, np.ndarray) and value.ndim == 1:
            out.update({f"{key}.{i}": one for i, one in enumerate(value.tolist())})
        else:
            out[key.removeprefix(IMAGES)] = value
    return out


def pieces(data: bytes, message: Callable[..., Any]) -> Iterator[Any]:
    """The messages that carry an observation."""
    for begin in range(0, len(data), PIECE):
        last = begin + PIECE >= len(data)
        yield message(
            transfer_state=END if last else BEGIN if begin == 0 else MIDDLE, data=data[begin : begin + PIECE]
        )
