"""A spoken "stop" ends a walk, and the robot obeys again afterwards."""

import unittest

import launch_testing

from vla_sim.scenario.checks import commands, motion, rules
from vla_sim.scenario.format import Meaning
from vla_sim.scenario.launch_tests import describe_test


def generate_test_description():
    return describe_test()


class TheRobotStops(unittest.TestCase):
    def test_a_walk_ends_at_a_spoken_stop_and_the_next_command_is_obeyed(self, robot):
        robot.say("Go to the kitchen", means=[Meaning(skill="navigate", place="kitchen")])
        robot.wait_until(skill="navigate", delay=3.0)
        robot.say("Stop the robot", means=[Meaning(skill="stop")])
        robot.wait_until_done()
        robot.wait(seconds=2.0)
        robot.assert_holds(commands.Outcome(command=1, state="cancelled"), motion.Stands())
        robot.assert_holds(motion.StopsWithin(command=2, seconds=1.5, distance=0.4))
        robot.assert_holds(rules.Safety(level="stopped"))

        robot.say("Turn left 90 degrees", means=[Meaning(skill="turn", angle=90.0)])
        robot.wait_until_done()
        robot.assert_holds(commands.AsCommanded(command=3), motion.NoFall(), motion.NoCollision())


@launch_testing.post_shutdown_test()
class AfterShutdown(unittest.TestCase):
    def test_every_node_ended_cleanly(self, proc_info):
        launch_testing.asserts.assertExitCodes(proc_info)
