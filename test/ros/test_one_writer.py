"""Whose message is obeyed, without ROS: any order of writers' messages."""

from hypothesis import given
from hypothesis import strategies as st

from vla_sim.ros.one_writer import LEFT, TAKEOVER, Endpoint, OneWriter


class Bench:
    """Writers that come, go and write; obeyed: (writer, its number) of every message that was."""

    def __init__(self, *there: str) -> None:
        self.time, self.renewed, self.obeyed = 0.0, 0, []
        self.sent: dict[str, int] = {}
        self.writers: list[str] = list(there)
        self.one = OneWriter(
            "safety", lambda: len(self.writers), self.endpoints, self.on_renewed, lambda: self.time
        )

    def on_renewed(self) -> None:
        self.renewed += 1

    def endpoints(self) -> list[Endpoint]:
        return [Endpoint(name.split("'")[0], name.encode()) for name in self.writers]

    def write(self, name: str, times: int = 1) -> int:
        """How many of the messages were obeyed."""
        count = 0
        for _ in range(times):
            self.sent[name] = self.sent.get(name, 0) + 1
            if self.one.obeys(self.sent[name]):
                self.obeyed.append((name, self.sent[name]))
                count += 1
        return count


def test_the_owner_is_obeyed_and_a_stranger_alone_is_not():
    bench = Bench("safety")
    assert bench.write("safety", 3) == 3
    assert bench.one.alarm == ""
    stranger = Bench("teleop")
    assert stranger.write("teleop", 3) == 0
    assert stranger.one.alarm == "teleop writes what is safety's"
    assert stranger.one.refused == 3


def test_a_second_writer_is_an_alarm_and_the_owner_goes_on():
    bench = Bench("safety")
    bench.write("safety", 5)
    bench.writers.append("teleop")
    assert [bench.write(name) for name in ("teleop", "safety", "teleop", "safety")] == [0, 1, 0, 1]
    assert bench.one.alarm == "also teleop writes what is safety's"
    bench.writers.remove("teleop")
    assert bench.write("safety") == 1
    assert bench.one.check() == ""


def test_where_numbers_meet_nobody_is_obeyed_until_the_second_has_gone():
    bench = Bench("safety")
    bench.write("safety", 5)
    bench.writers.append("teleop")
    assert bench.write("teleop", 5) == 0
    assert bench.write("teleop") + bench.write("safety", 3) == 0  # the sixth of both
    bench.writers.remove("teleop")
    assert bench.write("safety") == 0
    bench.time += LEFT + 0.1
    assert bench.write("safety", 3) == 3


def test_what_a_second_writer_left_behind_is_not_obeyed():
    bench = Bench("safety")
    bench.write("safety", 5)
    bench.writers.append("teleop")
    bench.write("teleop", 3)
    bench.writers.remove("teleop")
    assert [bench.write(name) for name in ("teleop", "safety", "teleop", "safety")] == [0, 1, 0, 1]
    bench.time += LEFT + 0.1
    assert bench.write("safety", 3) == 3
    assert bench.write("stranger") == 0  # came, sent and went unseen


def test_two_that_were_there_from_the_start_cannot_be_told_apart():
    bench = Bench("teleop", "safety")
    assert bench.write("safety", 3) + bench.write("teleop", 3) + bench.write("safety", 3) == 0


def test_a_restarted_owner_is_obeyed_and_told():
    bench = Bench("safety")
    bench.write("safety", 5)
    bench.writers[:] = ["safety'2"]
    assert bench.write("safety'2", 3) == 3
    assert bench.renewed == 2


def test_a_killed_owner_that_the_graph_still_shows_is_followed_after_its_silence():
    bench = Bench("safety")
    bench.write("safety", 5)
    bench.writers.append("safety'2")
    assert bench.write("safety'2", 3) == 0
    assert bench.one.alarm == "2 nodes are called safety"
    bench.time += TAKEOVER + 0.1
    assert bench.write("safety'2", 3) == 3
    bench.writers.remove("safety")
    bench.write("safety'2")
    bench.time += LEFT + 0.1
    assert bench.write("safety'2", 3) == 3
    assert bench.one.alarm == ""


def test_a_name_that_is_not_known_yet_is_asked_for_again():
    bench = Bench("_NODE_NAME_UNKNOWN_")
    assert bench.write("_NODE_NAME_UNKNOWN_") == 0
    assert bench.one.alarm == ""
    bench.writers[:] = ["safety"]
    assert bench.write("safety", 2) == 2


TURNS = st.sampled_from(["safety", "teleop", "joystick", "-teleop", "-joystick", "wait"])


@given(st.lists(TURNS, max_size=80), st.integers(1, 5))
def test_no_message_of_a_stranger_is_ever_obeyed_where_the_owner_is(turns, first):
    bench = Bench("safety")
    bench.write("safety", first)
    for name in turns:
        if name == "wait":
            bench.time += 0.15
        elif name.startswith("-"):
            bench.writers[:] = [one for one in bench.writers if one != name[1:]]
        else:
            if name not in bench.writers:
                bench.writers.append(name)
            bench.write(name)
    assert [one for one in bench.obeyed if one[0] != "safety"] == []
