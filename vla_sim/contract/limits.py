"""Limits of a running system: of one command, alert thresholds, load levels, shares of the machine."""

import math
from dataclasses import dataclass

MAX_DISTANCE = 10.0
"""[m] of one move without a destination."""
MAX_ANGLE = 4.0 * math.pi
"""[rad] of one turn."""
MAX_WAIT = 600.0
"""[s]"""
MAX_STEPS = 40
"""Of a plan that safety lets pass."""
MAX_MODEL_STEPS = 12
"""Of a plan that a language model may write."""
MAX_SPEED = (0.8, 0.4, 0.8)
"""Forward, sideways [m/s] and turning [rad/s] that the velocity gate lets pass. The walking policy was
trained for 1 in each."""

MAX_JOINT_SPEED = 2.0
"""[rad/s] of an arm's joint. The motors allow ten times more, the balance of the standing robot does not."""
MAX_TOOL_SPEED = 1.0
"""[m/s] of an arm's tool in the pelvis frame."""
MOST_POINTS = 10_000
"""Of a trajectory of an arm or a gripper."""
LONGEST_TRAJECTORY, SHORTEST_STEP = 120.0, 1e-4
"""[s] that it may take, a longer one is a mistake; and from one of its points to the next at least."""
FARTHEST_BACK = -0.20
"""[m] ahead of the pelvis that a tool stays: behind the back nothing is to be done, and the robot's own arm
hides it from the lidar."""

CRITICAL = 1.2
"""An alert is critical at this factor times its threshold; where low values are bad, at the threshold divided
by it."""


@dataclass(frozen=True)
class Threshold:
    """Where an alert is raised: `value` or more, or less than it where `below`; and where it is over:
    `clear`. after: how many measurements in a row it takes, either way."""

    component: str
    metric: str
    value: float
    unit: str
    clear: float
    below: bool = False
    after: int = 1

    @property
    def name(self) -> str:
        return f"{self.component}.{self.metric}"


THRESHOLDS: dict[str, Threshold] = {t.name: t for t in (
    Threshold("voice", "response", 2.0, "s", 1.8),  # last voiced sample to first motion
    Threshold("llm", "response", 5.0, "s", 4.5),  # intent to plan
    # The nominal rates are the limits themselves, so there is no room above them: it is enough to be back.
    Threshold("perception", "rate", 10.0, "Hz", 10.0, below=True, after=3),
    Threshold("control", "rate", 50.0, "Hz", 50.0, below=True, after=3),
    Threshold("system", "cpu", 80.0, "%", 72.0, after=3),
    Threshold("system", "memory", 80.0, "%", 76.0, after=3),
    Threshold("system", "disk", 90.0, "%", 88.0, after=3),
    Threshold("commands", "errors", 0.1, "", 0.08),
    # Commands answered (accepted, turned down, asked back about) for each second in which at least one
    # waited for its answer, over the last minute. Nothing is measured while nobody says anything: an idle
    # robot is no slow one.
    Threshold("commands", "throughput", 0.5, "1/s", 0.55, below=True, after=3),
    # A scan that brings something into the way to the first velocity that is lower for it, sent.
    Threshold("safety", "reaction", 50.0, "ms", 45.0),
    Threshold("perception", "detection", 100.0, "ms", 90.0, after=3),  # image to its objects, of every image
    Threshold("manipulation", "grasp_planning", 2.0, "s", 1.8),
    # Simulated seconds a second, of the `speed` that is asked for.
    Threshold("simulation", "real_time_factor", 0.95, "", 0.97, below=True, after=3),
    Threshold("node", "silence", 5.0, "s", 2.5),
)}  # fmt: skip
"""The performance chapter's limits, by name, and how far simulated time may fall behind. "node" stands for
every node by its own name. What a node measures with `record_metric` is held against the threshold of
its name."""


@dataclass(frozen=True)
class LoadLevel:
    """What stages do at one level of load. sheds: what this level gives up that the one before did not.

    background: whether commands of that priority begin. standing_rate: most
    images a second while the robot does not walk. language_model: whether it is asked. fine_planning:
    whether navigation weighs all candidate velocities, by a map of every scan. perception_rate: most images
    a second. camera_shrink: every nth pixel each way. state_rate: most joint states, IMU readings and
    odometry a second. gate_rate: most velocities a second.
    """

    name: str
    sheds: str
    background: bool = True
    standing_rate: float = math.inf
    language_model: bool = True
    fine_planning: bool = True
    perception_rate: float = math.inf
    camera_shrink: int = 1
    state_rate: float = math.inf
    gate_rate: float = math.inf


LOAD_LEVELS: tuple[LoadLevel, ...] = (
    LoadLevel("full", "nothing"),
    LoadLevel(
        "background", "background commands wait, 5 images a second while the robot stands",
        False, 5.0,
    ),
    LoadLevel(
        "perception", "images and objects 5 times a second, also while the robot walks; no language model, "
        "the rules plan; navigation weighs fewer velocities, by fewer maps",
        False, 5.0, False, False, 5.0,
    ),
    LoadLevel("resolution", "images of half the width and height", False, 5.0, False, False, 5.0, 2),
    LoadLevel(
        "state", "joint states and odometry 25 times a second, velocities no more than 50",
        False, 5.0, False, False, 5.0, 2, 25.0, 50.0,
    ),
)  # fmt: skip
"""What is given up under load, in this order, and given back in the reverse one.

What no user waits for goes first: the 10 images a second are navigation's, and while the robot stands the 5
of manipulation do. Then what has a full substitute: the rules understand the main job's commands, a model on
the same machine is the largest load of all, and a coarser choice of velocities leads along the same path
and through the same gate; with it how fresh the picture is while walking. Then how sharp it is, which far and
small things and a firm grasp do need. Last what is nearest to motion, and there only how often it is
published: the control loop, lidar and the gate keep their 50, 10 and 50 Hz, and perception never falls under
the 5 Hz that manipulation asks for.
"""
LOAD_SILENCE = 3.0
"""[s] without a word on the load after which a stage works in full again: the monitor is gone."""


RESOURCE_SHARES = {"cpu": 0.8, "memory": 0.8, "disk": 0.9}
"""How much of the machine may be reserved; the rest is its own."""
NETWORK_LIMIT = 100.0
"""[MB/s] that may be reserved."""
RESERVATION_SECONDS = 3600.0
"""After which a reservation that is not renewed has expired."""
