"""The main job, in launch_testing's own form: `launch_test test/launch/test_fetch.py [speed:=1]`."""

import unittest

import launch_testing

from vla_sim.scenario.checks import commands, motion, objects, performance
from vla_sim.scenario.format import Meaning
from vla_sim.scenario.launch_tests import describe_test

MEANS = [
    Meaning(skill="navigate", place="kitchen"),
    Meaning(skill="find", object="red cup", place="kitchen"),
    Meaning(skill="pick", object="red cup"),
]


def generate_test_description():
    return describe_test()


class TheRobotFetchesTheCup(unittest.TestCase):
    @classmethod
    def setUpClass(cls, robot):
        robot.say("Go to the kitchen and pick up the red cup", means=MEANS)
        robot.wait_until_done()

    def test_it_does_what_it_was_told(self, robot):
        robot.assert_holds(commands.Heard(), commands.AsCommanded())

    def test_it_begins_to_move_within_two_seconds(self, robot):
        robot.assert_holds(performance.Latency(at_most=2000), performance.Latency(stage="voice", at_most=300))

    def test_it_bumps_into_nothing_and_stays_on_its_feet(self, robot):
        robot.assert_holds(motion.NoCollision(), motion.NoFall())

    def test_it_lifts_the_cup_and_holds_it(self, robot):
        robot.assert_holds(objects.Grasp(object="red cup", lift=0.10, hold=2.0))

    def test_it_leaves_the_other_cup_alone(self, robot):
        robot.assert_holds(objects.Untouched(object="blue cup"))


@launch_testing.post_shutdown_test()
class AfterShutdown(unittest.TestCase):
    def test_every_node_ended_cleanly(self, proc_info):
        launch_testing.asserts.assertExitCodes(proc_info)
