"""The same in launch_testing's form: `launch_test launch_test_pick.py [engine:=gazebo] [speed:=1]`."""

import unittest
from pathlib import Path

import launch_testing

from vla_sim.scenario.checks import motion, objects
from vla_sim.scenario.launch_tests import describe_test


def generate_test_description():
    return describe_test(str(Path(__file__).parent / "pick_the_ball.yaml"))


class ItPicksUpTheBall(unittest.TestCase):
    def test_what_the_scenario_expects(self, robot):
        robot.play()
        robot.assert_passes()
        robot.assert_holds(objects.Grasp(object="yellow ball", lift=0.10), motion.Stands())


@launch_testing.post_shutdown_test()
class AfterShutdown(unittest.TestCase):
    def test_every_node_ended_cleanly(self, robot):
        robot.assert_clean_exits()
