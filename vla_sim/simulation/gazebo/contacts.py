"""What touches what in Gazebo, from the contact sensors' messages."""

import threading
from typing import Any

from vla_sim.common.errors import EngineError
from vla_sim.robot import facts
from vla_sim.robot.body import CONTROL_PERIOD
from vla_sim.simulation.gazebo.bindings import Bindings
from vla_sim.simulation.simulator import Contact
from vla_sim.world.sdf import elements

CONTACT = "gz-sim-contact-system"


class ContactListener:
    """The strongest force of each pair since `clear`. names: `model::link::collision` by collision entity."""

    def __init__(self, gz: Bindings, tree: elements.World, names: dict[int, str]) -> None:
        self._names = names
        self._lock = threading.Lock()
        self._force: dict[tuple[str, str], float] = {}
        self._node = gz.transport.Node()
        soles = gz.transport.SubscribeOptions()
        # They touch the ground at every step; a few times a control period will do, also at twice real time.
        soles.msgs_per_sec = round(4.0 / CONTROL_PERIOD)
        self._topics = []
        for sensor in (s for _, model, _ in tree.walk() for s in model.sensors()):
            if sensor.type == "contact" and sensor.topic:
                often = [soles] if sensor.link in facts.FOOT_LINK.values() else []
                self._node.subscribe(gz.contacts.Contacts, sensor.topic, self._receive, *often)
                self._topics.append(sensor.topic)

    def check(self) -> None:
        """Raises `EngineError` if no one publishes contacts: a run without them would pass every check."""
        for topic in self._topics:
            publishers, _ = self._node.topic_info(topic)
            if not publishers:
                raise EngineError(
                    f"Gazebo does not publish contacts on {topic}: the world must name the plugin "
                    f"{CONTACT}, and GZ_SIM_SYSTEM_PLUGIN_PATH the folder of its library"
                )

    def clear(self) -> None:
        with self._lock:
            self._force.clear()

    def contacts(self) -> list[Contact]:
        with self._lock:
            return [Contact(a, b, force) for (a, b), force in sorted(self._force.items())]

    def _receive(self, message: Any) -> None:
        """In transport's thread."""
        found: dict[tuple[str, str], float] = {}
        for contact in message.contact:
            a, b = (self._names.get(c.id, str(c.id)) for c in (contact.collision1, contact.collision2))
            force = 0.0
            for wrench, normal in zip(contact.wrench, contact.normal, strict=False):
                f = wrench.body_1_wrench.force
                force += abs(f.x * normal.x + f.y * normal.y + f.z * normal.z)
            key = (a, b) if a <= b else (b, a)
            found[key] = found.get(key, 0.0) + force
        with self._lock:
            for key, force in found.items():
                self._force[key] = max(self._force.get(key, 0.0), force)
