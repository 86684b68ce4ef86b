"""At the pace of the clock: how long it is from the last voiced sample to the first motion, measured.

Where other programs keep the machine busy, a latency that is missed is no verdict: the test is skipped, and
says by how much.
"""

import unittest

import launch_testing

from vla_sim.scenario.checks import commands, motion, performance
from vla_sim.scenario.format import Meaning
from vla_sim.scenario.launch_tests import describe_test


def generate_test_description():
    return describe_test(speed="1")


class TheRobotAnswersInTime(unittest.TestCase):
    def test_it_moves_within_two_seconds_of_the_last_word(self, robot):
        robot.say("Turn left 90 degrees", means=[Meaning(skill="turn", angle=90.0)])
        robot.wait_until_done()
        robot.assert_holds(commands.Heard(), commands.AsCommanded(), motion.NoFall())
        assert robot.record().total_source == "measured"
        robot.assert_holds(performance.Latency(at_most=2000))


@launch_testing.post_shutdown_test()
class AfterShutdown(unittest.TestCase):
    def test_every_node_ended_cleanly(self, robot):
        robot.assert_clean_exits()
