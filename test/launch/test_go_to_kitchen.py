"""A spoken place is reached without a bump or a detour."""

import unittest

import launch_testing

from vla_sim.scenario.checks import commands, motion, performance, rules
from vla_sim.scenario.format import Meaning
from vla_sim.scenario.launch_tests import describe_test


def generate_test_description():
    return describe_test()


class TheRobotGoesToTheKitchen(unittest.TestCase):
    def test_it_goes_through_the_doorway_and_stands_where_it_was_sent(self, robot):
        robot.say("Go to the kitchen", means=[Meaning(skill="navigate", place="kitchen")])

        robot.wait_until(near="kitchen", within=1.0)
        robot.assert_holds(motion.NoCollision(), motion.NoFall(), rules.Never(faster_than=0.8))

        robot.wait_until_done()
        robot.assert_holds(commands.AsCommanded(), motion.Arrival(at="kitchen", within=0.25, heading=20))
        robot.assert_holds(motion.NoCollision(), motion.NoFall(), motion.PathEfficiency(at_least=0.8))
        robot.assert_holds(performance.Latency(at_most=2000))


@launch_testing.post_shutdown_test()
class AfterShutdown(unittest.TestCase):
    def test_every_node_ended_cleanly(self, proc_info):
        launch_testing.asserts.assertExitCodes(proc_info)
