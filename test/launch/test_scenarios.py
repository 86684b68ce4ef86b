"""Some scenarios, each in a launch of its own: a command, an obstacle that no map knows, a node that dies."""

import unittest

import launch_testing

from vla_sim.scenario.launch_tests import describe_test


@launch_testing.parametrize("scenario", ["turn_left", "unknown_obstacle", "navigation_dies"])
def generate_test_description(scenario):
    return describe_test(scenario)


class TheScenario(unittest.TestCase):
    def test_everything_holds_that_its_file_expects(self, robot):
        robot.play()
        robot.assert_passes()


@launch_testing.post_shutdown_test()
class AfterShutdown(unittest.TestCase):
    def test_every_node_that_was_not_killed_ended_cleanly(self, robot):
        robot.assert_clean_exits()
