"""The G1's topics and services over CycloneDDS. Never in a process with rclpy: two DDS libraries in one
process corrupt its memory (amazon-far/holosoma#124, #166)."""

from collections.abc import Callable
from typing import Any

from cyclonedds.core import DDSException
from cyclonedds.domain import Domain, DomainParticipant
from cyclonedds.internal import InvalidSample
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

from vla_sim.common.errors import InputError
from vla_sim.hardware.unitree import dds_types
from vla_sim.hardware.unitree.network import check_network
from vla_sim.hardware.unitree.services import Service

CONFIGURATION = """<CycloneDDS><Domain Id="any"><General><Interfaces>
<NetworkInterface name="{}" priority="default" multicast="default"/>
</Interfaces></General></Domain></CycloneDDS>"""
MOST = 32
"""Messages that are taken from a topic at a time."""


class Bus:
    """One participant in a domain, on one network interface, to be kept for as long as its topics are used.
    Raises `InputError` if that cannot be used."""

    def __init__(self, interface: str = "lo", domain: int = 0) -> None:
        check_network(interface, domain)
        try:
            self._domain = Domain(domain, CONFIGURATION.format(interface))
            self._participant = DomainParticipant(domain)
        except DDSException as error:
            raise InputError(
                f"DDS does not start on {interface} in domain {domain}: {error.msg}; is the interface up?"
            ) from None

    def writer(self, name: str, kind: Any) -> Callable[[Any], None]:
        """What sends a sample on a topic."""
        made = DataWriter(self._participant, Topic(self._participant, name, kind))
        return made.write  # type: ignore[no-any-return]

    def reader(self, name: str, kind: Any) -> Callable[[], list[Any]]:
        """What takes the samples that came on a topic since, oldest first, without waiting."""
        made = DataReader(self._participant, Topic(self._participant, name, kind))

        def take() -> list[Any]:
            return [one for one in made.take(MOST) if not isinstance(one, InvalidSample)]

        return take

    def serve(self, service: Service) -> Callable[[], None]:
        """What answers the requests that came to a service since."""
        requests = self.reader(f"rt/api/{service.name}/request", dds_types.Request)
        respond = self.writer(f"rt/api/{service.name}/response", dds_types.Response)

        def answer() -> None:
            for request in requests():
                identity = request.header.identity
                code, data = service.answer(identity.api_id, request.parameter)
                if not request.header.policy.noreply:
                    header = dds_types.ResponseHeader(identity, dds_types.ResponseStatus(code))
                    respond(dds_types.Response(header, data, []))

        return answer
