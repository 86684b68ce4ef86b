"""Turns: who gets one when, what is charged, and that nothing depends on who was faster."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from vla_sim.common import clock
from vla_sim.common.errors import StackError
from vla_sim.ros.lockstep import run_environment
from vla_sim.ros.lockstep.conductor import Conductor
from vla_sim.ros.lockstep.follower import Follower
from vla_sim.ros.lockstep.turn_taking import Begin, Go, Hello, Inbox, Mail, MailedPublisher, RunEnds, encode


class Wire:
    """Stands for DDS: what is published to a topic can be taken by each of its boxes."""

    def __init__(self):
        self.queues = []
        self.count = 0

    def publish(self, message):
        self.count += 1
        for queue in self.queues:
            queue.append((message, {"source_timestamp": self.count}))

    def box(self, deliver):
        queue = []
        self.queues.append(queue)
        return Inbox(lambda: queue.pop(0) if queue else None, deliver)

    msg_type = str

    def get_subscription_count(self):
        return len(self.queues)


@pytest.fixture(autouse=True)
def own_clock():
    yield
    clock.use(None)


def follower(costs=None, compute="fixed"):
    made = Follower("n")
    made.charged = Begin(compute, costs or {})
    return made


def test_messages_are_taken_topic_by_topic_in_the_order_in_which_they_were_sent():
    heard, a, b = [], Wire(), Wire()
    mail = Mail()
    mail.inboxes["/a"], mail.inboxes["/b"] = a.box(heard.append), b.box(heard.append)
    for wire, text in ((b, "b1"), (a, "a1"), (b, "b2"), (a, "a2")):
        wire.publish(text)
    a.queues[0].reverse()  # they may arrive in any order
    mail.fetch({"/a": 2, "/b": 2})
    mail.deliver()
    assert heard == ["a1", "a2", "b1", "b2"]


def test_a_message_that_never_arrives_is_an_error():
    mail = Mail()
    mail.inboxes["/a"] = Wire().box(lambda _: None)
    with pytest.raises(StackError, match="2 messages of /a never arrived"):
        mail.fetch({"/a": 2}, timeout=0.05)


def test_nobody_waits_for_a_message_once_the_run_ends():
    mail = Mail()
    mail.inboxes["/a"] = Wire().box(lambda message: None)
    asked = iter([True, True, False])
    mail.alive = lambda: next(asked)
    with pytest.raises(RunEnds):
        mail.fetch({"/a": 1})


def test_what_a_constructor_says_is_sent_in_the_first_turn():
    node, wire = follower(), Wire()
    out = MailedPublisher(node.mail, wire, "/out")
    out.publish("early")
    assert wire.count == 0
    assert node.turn(Go(0.0, {})).published == {"/out": 1}


def test_work_that_costs_delays_what_is_said_and_the_next_turn():
    node, wire, source = follower({"planning": 0.5}), Wire(), Wire()
    out = MailedPublisher(node.mail, wire, "/out")

    def think(message):
        before = clock.mono()
        clock.charge("planning", 123.0)
        assert clock.mono() == pytest.approx(before + 0.5)
        out.publish(message)

    node.mail.inboxes["/in"] = source.box(think)
    source.publish("x")
    done = node.turn(Go(1.0, {"/in": 1}))
    assert (done.published, done.busy, done.wake) == ({}, 1.5, 1.5)
    source.publish("y")
    assert node.turn(Go(1.2, {"/in": 2})).published == {}  # busy: it may look at nothing
    done = node.turn(Go(1.5, {"/in": 2}))
    assert done.published == {"/out": 1}
    assert done.busy == 2.0
    assert node.turn(Go(2.0, {"/in": 2})).published == {"/out": 1}


def test_measured_work_costs_what_it_took_and_unknown_work_nothing():
    node = follower({"planning": 0.5}, "measured")
    node.turn(Go(0.0, {}))
    clock.charge("planning", 0.25)
    assert clock.mono() == 0.25
    node = follower({"planning": 0.5})
    clock.charge("daydreaming", 5.0)
    assert clock.mono() == 0.0


def test_who_gives_work_a_limit_learns_whether_it_was_late_and_is_charged_no_more():
    node = follower({"llm": 3.0})
    node.turn(Go(0.0, {}))
    assert clock.charge("llm", 0.01, most=2.0) == 3.0
    assert clock.mono() == 2.0
    clock.spend(0.5)
    assert clock.mono() == 2.5
    clock.use(None)
    assert clock.charge("llm", 0.01, most=2.0) == 0.01


def test_timers_follow_simulated_time_and_do_not_catch_up():
    node, ticks = follower(), []
    node.timer(0.05, lambda: ticks.append(node.stamp))
    wakes = [node.turn(Go(t, {})).wake for t in (0.0, 0.02, 0.05, 0.5, 0.52, 0.55)]
    assert ticks == [0.05, 0.5, 0.55]
    assert wakes == pytest.approx([0.05, 0.05, 0.1, 0.55, 0.55, 0.6])


@pytest.fixture
def socket_path(tmp_path, monkeypatch):
    monkeypatch.setenv(run_environment.SOCKET, str(tmp_path / "turns"))
    monkeypatch.setenv(run_environment.NODES, "a b")
    return tmp_path / "turns"


def nodes(wires, made):
    """Node a passes on what it hears from the engine, b what it hears from a."""
    for name, source, target in (("a", "/engine", "/a"), ("b", "/a", "/b")):
        node = Follower(name)
        out = MailedPublisher(node.mail, wires[target], target)
        node.mail.inboxes[source] = wires[source].box(lambda m, out=out, n=name: out.publish(f"{m}{n}"))
        made[name] = (node, target, wires[target])


def test_one_control_period_carries_a_message_through_all_nodes(socket_path):
    wires, made, heard = {t: Wire() for t in ("/engine", "/a", "/b")}, {}, []
    conductor = Conductor()
    nodes(wires, made)
    conductor.mail.inboxes["/b"] = wires["/b"].box(heard.append)
    out = MailedPublisher(conductor.mail, wires["/engine"], "/engine")
    alive = [True]
    threads = [
        threading.Thread(
            target=node.spin, args=(None, lambda t=t, w=w: {t: w.get_subscription_count()}, lambda: alive[0])
        )
        for node, t, w in made.values()
    ]
    for thread in threads:
        thread.start()
    conductor.meet(lambda: {"/engine": 1}, lambda: True)
    for k in range(3):
        out.publish(f"{k}")
        conductor.advance(0.02 * k, 0.02 * (k + 1))
        conductor.mail.deliver()
        assert heard == [f"{i}ab" for i in range(k + 1)]
    # A node that goes is not waited for.
    conductor.seats["b"].line.close()
    conductor.seats["b"].line = DeadLine()
    out.publish("3")
    conductor.advance(0.06, 0.08)
    assert list(conductor.seats) == ["a"]
    # One that is held takes no turn until it is free.
    conductor.freeze({"a"})
    taken = made["a"][0].mail.inboxes["/engine"].received
    out.publish("4")
    conductor.advance(0.08, 0.10)
    assert made["a"][0].mail.inboxes["/engine"].received == taken
    conductor.freeze(set())
    conductor.advance(0.14, 0.16)
    assert made["a"][0].mail.inboxes["/engine"].received == taken + 1
    alive[0] = False
    conductor.close()
    for thread in threads:
        thread.join(5.0)


class DeadLine:
    def send(self, _):
        raise OSError

    def recv(self, _):
        raise OSError

    def close(self):
        pass


def test_a_node_that_does_not_come_is_named(socket_path):
    conductor = Conductor()
    with pytest.raises(StackError, match="a, b did not come"):
        conductor.meet(dict, lambda: True, timeout=0.1)
    conductor.close()
    with pytest.raises(StackError, match="cannot listen at"):
        Conductor()  # its path is taken


def test_a_node_that_dies_before_the_run_begins_is_named(socket_path):
    conductor = Conductor()
    for word in (None, encode(Hello("a", [])), encode(Hello("b", []))):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
            line.connect(str(socket_path))
            if word is not None:
                line.send(word)
    with pytest.raises(StackError, match="lock-step: a has ended before the run began"):
        conductor.meet(dict, lambda: True, timeout=10.0)
    conductor.close()


def test_without_the_environment_there_is_no_lock_step(monkeypatch):
    monkeypatch.delenv(run_environment.SOCKET, raising=False)
    assert not run_environment.wanted()
    assert not clock.lockstep()
    assert os.environ.get(run_environment.SOCKET) is None


def test_a_node_whose_engine_has_died_ends_without_a_complaint(tmp_path, monkeypatch):
    monkeypatch.setenv(run_environment.SOCKET, str(tmp_path / "turns"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(str(tmp_path / "turns"))
        server.listen()
        node = follower()
        thread = threading.Thread(target=node.spin, args=(None, dict, lambda: True), daemon=True)
        thread.start()
        line, _ = server.accept()
        line.close()  # with its word unread, the other end is reset
    thread.join(5.0)
    assert not thread.is_alive()
