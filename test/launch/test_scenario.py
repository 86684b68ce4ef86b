"""Any scenario: `launch_test test/launch/test_scenario.py scenario:=narrow_door seed:=3 engine:=gazebo`."""

import unittest

import launch_testing

from vla_sim.scenario.launch_tests import describe_test


def generate_test_description():
    return describe_test(scenario="")


class TheScenario(unittest.TestCase):
    def test_everything_holds_that_its_file_expects(self, robot):
        robot.play()
        robot.assert_passes()


@launch_testing.post_shutdown_test()
class AfterShutdown(unittest.TestCase):
    def test_every_node_that_was_not_killed_ended_cleanly(self, robot):
        robot.assert_clean_exits()
