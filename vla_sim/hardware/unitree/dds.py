"""The G1's topics and services over CycloneDDS. Never in a process with rclpy: two DDS libraries in one
process corrupt its memory (amazon-far/holosoma#124, #166)."""

from collections.abc import Callable
from functools import partial
from typing import Any

from cyclonedds.core import DDSException
from cyclonedds.domain import Domain, DomainParticipant
from cyclonedds.internal import InvalidSample
from cyclonedds.pub import DataWriter
from cyclonedds.qos import Policy, Qos
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

from vla_sim.common.errors import InputError
from vla_sim.hardware.unitree import dds_types, message_schema
from vla_sim.hardware.unitree.network import Network, check_network
from vla_sim.hardware.unitree.recorder import Channel, Recorder
from vla_sim.hardware.unitree.services import Service

CONFIGURATION = """<CycloneDDS><Domain Id="any"><General><Interfaces>
<NetworkInterface name="{}" priority="default" multicast="default"/>
</Interfaces></General></Domain></CycloneDDS>"""
MOST = 32
"""Messages that are taken from a topic at a time."""
KEPT = Qos(Policy.History.KeepLast(MOST))
"""Of a reader: by default only the newest would wait to be taken, and of two requests one be lost."""


class Bus:
    """One participant in a domain, on one network interface, to be kept for as long as its topics are used.
    Raises `InputError` if that cannot be used.

    recorder: of all that comes and goes. instead: takes the topic and the sample of what would be sent, of
    which nothing is: nobody in the domain sees a writer.
    """

    def __init__(
        self, interface: str = "lo", domain: int = 0, recorder: Recorder | None = None,
        instead: Callable[[str, Any], None] | None = None,
    ) -> None:  # fmt: skip
        check_network(interface, domain)
        self._recorder, self._instead = recorder, instead
        try:
            self._domain = Domain(domain, CONFIGURATION.format(interface))
            self._participant = DomainParticipant(domain)
        except DDSException as error:
            raise InputError(
                f"DDS does not start on {interface} in domain {domain}: {error.msg}; is the interface up?"
            ) from None

    def writer(self, name: str, kind: Any) -> Callable[[Any], None]:
        """What sends a sample on a topic."""
        send: Callable[[Any], None]
        if self._instead is not None:
            send, direction = partial(self._instead, name), "not sent"
        else:
            send = DataWriter(self._participant, Topic(self._participant, name, kind)).write
            direction = "sent"
        if (record := self._record(name, kind, direction)) is None:
            return send

        def send_and_record(sample: Any) -> None:
            send(sample)
            record(dds_types.cdr(sample))

        return send_and_record

    def _record(self, name: str, kind: Any, direction: str) -> Callable[[bytes], None] | None:
        if self._recorder is None:
            return None
        schema = message_schema.ros2msg(kind)
        return self._recorder.channel(
            Channel(name, "cdr", message_schema.ros_name(kind), "ros2msg", schema, {"direction": direction})
        )

    def reader(self, name: str, kind: Any) -> Callable[[], list[Any]]:
        """What takes the samples that came on a topic since, oldest first, without waiting. One that is none
        of its type, as of a writer whose type has the same name, is lost, with those that came with it."""
        made = DataReader(self._participant, Topic(self._participant, name, kind), qos=KEPT)
        record = self._record(name, kind, "received")

        def take() -> list[Any]:
            try:
                found = [one for one in made.take(MOST) if not isinstance(one, InvalidSample)]
            except Exception:  # of many kinds, by what the bytes are
                return []
            if record is not None:
                for one in found:
                    record(dds_types.cdr(one))
            return found

        return take


def serve(network: Network, service: Service) -> Callable[[], None]:
    """What answers the requests that came to a service since."""
    requests = network.reader(f"rt/api/{service.name}/request", dds_types.Request)
    respond = network.writer(f"rt/api/{service.name}/response", dds_types.Response)

    def answer() -> None:
        for request in requests():
            identity = request.header.identity
            code, data = service.answer(identity.api_id, request.parameter)
            if not request.header.policy.noreply:
                header = dds_types.ResponseHeader(identity, dds_types.ResponseStatus(code))
                respond(dds_types.Response(header, data, []))

    return answer
