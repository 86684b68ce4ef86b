"""How long nodes may take until they are ready: busy programs of others do not count, a hang does."""

from types import SimpleNamespace

import pytest

from vla_sim.common.cpu_share import CpuTimes
from vla_sim.common.errors import StackError
from vla_sim.scenario import session


class Machine:
    """A clock that each sleep moves by 10 s; other programs use `others` of all cores."""

    def __init__(self, monkeypatch, others):
        self.now, self.events = 0.0, []
        monkeypatch.setattr(session.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(session.time, "sleep", self._sleep)
        monkeypatch.setattr(CpuTimes, "now", lambda: CpuTimes(self.now, 0.0, 0.0))
        monkeypatch.setattr(CpuTimes, "others", lambda *_: others)

    def _sleep(self, _):
        self.now += 10.0

    def wait(self, ready_at):
        discovery = SimpleNamespace(missing=lambda _: ["engine"] if self.now < ready_at else [])
        recording = SimpleNamespace(truths=["the first"])
        client = SimpleNamespace(
            discovery=discovery, recording=recording, failure=None, get_name=lambda: "client"
        )
        nodes = SimpleNamespace(names=("engine",), replaced=(), lockstep=False, check=lambda: None)
        display = SimpleNamespace(progress=lambda _: None, event=lambda _, text: self.events.append(text))
        session.wait_until_ready(nodes, client, display)


def test_a_hang_on_a_quiet_machine_ends_in_time(monkeypatch):
    machine = Machine(monkeypatch, others=0.0)
    with pytest.raises(StackError, match=r"^not ready after 240 s; waiting for engine; look into the logs$"):
        machine.wait(ready_at=1e9)


def test_a_busy_machine_has_longer_and_says_why(monkeypatch):
    machine = Machine(monkeypatch, others=0.75)
    machine.wait(ready_at=900.0)
    busy = "the machine was busy: 75 % of its cores by others"
    assert machine.events == [f"not ready after 40 s: a first start compiles kernels; {busy}"]
    with pytest.raises(StackError, match=f"not ready after 960 s; waiting for engine; {busy}"):
        machine.wait(ready_at=1e9)


def test_it_ends_however_busy_the_machine_is(monkeypatch):
    with pytest.raises(StackError, match="not ready after 2400 s"):
        Machine(monkeypatch, others=1.0).wait(ready_at=1e9)
