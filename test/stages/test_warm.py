"""What a node does at its start compiles all that it works with: no command waits for a kernel."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

TEST = Path(__file__).parent

WORK = {
    "perception": """
from perception_scene import HEAD, RED, Scene, look
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.perception.pipeline import Frame, Perception
from vla_sim.stages.perception.detector import ColourDetector
core = Perception(ColourDetector(), Kinematics.load())
core.warm()
settled()
scene = Scene().table(near=0.3).add("cylinder", (0.068, 0.068, 0.10), (0.6, 0.05, 0.80, 0), RED)
rgb, depth = scene.render(HEAD, look(), 0.005)
seen = core.process(Frame(0.0, rgb, depth, HEAD, np.eye(4), look(), facts.DEFAULT_POSE.copy()))
assert np.isfinite(seen.ranges).any()
""",
    "navigation": """
from navigation_walker import Walker, drive, field_of, two_rooms
from vla_sim.contract.records import NavigationRequest
from vla_sim.stages.navigation.costmap import StaticMap
from vla_sim.stages.navigation.navigator import Navigator
truth = field_of(two_rooms())
walker = Walker((1.0, 1.0, 0.0))
navigator = Navigator(StaticMap.from_grids(two_rooms()))
navigator.warm()
import navigation_walker
navigation_walker.cast(truth, 1.0, 1.0, navigation_walker.BEAMS)
settled()
navigator.request(NavigationRequest(goal_id="g", mode="go", x=4.5, y=2.8))
statuses, log = drive(navigator, walker, truth, 60.0)
assert log[-1, 1] > 4.0, log[-1]
from vla_sim.stages.navigation.dynamic_obstacles import Track
walks = Track(np.array([4.5, 1.0]), np.array([0.0, 0.5]), walker.time, np.array([4.5, 0.5]), moved=1e9)
walks.trail.extend((walker.time, 4.5, 0.04 * k) for k in range(26))
navigator.state.dynamic_obstacles.tracks.append(walks)
path = np.column_stack([np.linspace(4.0, 5.0, 21), np.full(21, 2.0)])
assert navigator.state.dynamic_obstacles.crossing(path).ahead < 1.0
""",
    "manipulation": """
from vla_sim.robot import facts
from vla_sim.common.geometry import transform
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.manipulation.grasp import Target
from vla_sim.stages.manipulation.arm_planner import ArmPlanner
from vla_sim.stages.manipulation.planning_scene import Scene
planner = ArmPlanner(Kinematics.load())
planner.warm()
settled()
stands = transform((0.0, 0.0, facts.STANDING_HEIGHT))
scene = Scene(0.0, facts.DEFAULT_POSE.copy(), stands)
plan = planner.pick(scene, Target("cylinder", (0.35, 0.15, 0.81), (0.068, 0.068, 0.10)))
assert not isinstance(plan, str), plan
""",
    "safety": """
from vla_sim.stages.safety import gate
from vla_sim.robot import facts
from vla_sim.robot.kinematics import Kinematics
from vla_sim.stages.safety.arm_gate import ArmGate
gate.warm()
arms = ArmGate(Kinematics.load())
arms.warm()
settled()
arms.on_joints(facts.DEFAULT_POSE.copy(), 1.0)
arms.on_points(np.array([[1.0, 0.0, 0.0]]), 1.0)
goal = facts.DEFAULT_POSE[facts.ARM_INDEX["left"]] + np.array([[0.1], [0.2]])
back = list(reversed(facts.ARM_JOINTS["left"]))
assert arms.arm("left", back, np.array([2.0, 4.0]), goal[:, ::-1].copy(), None, 1.0, 1.0) == ""
assert gate.gate(np.array([[0.3, 0.0], [0.3, 0.1]]), 0.5, 0.0, 0.0)[0] == 0.0
""",
}


@pytest.mark.parametrize("stage", WORK)
def test_after_the_start_nothing_is_compiled_or_loaded(stage):
    code = "import numpy as np\nfrom vla_sim.common.numba_cache import settled\n" + WORK[stage]
    folders = (TEST / "perception", TEST / "navigation")
    code = f"import sys\nsys.path += {[str(f) for f in folders]}\n" + code
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "was not warm" not in done.stderr, done.stderr
