"""Contacts of the robot that are not part of its job."""

from vla_sim.scenario.record import Touch
from vla_sim.scenario.recording import Recording

FLOOR = ("floor", "ground")
FEET = ("left_ankle_roll_link", "right_ankle_roll_link")
GRIPPERS = ("_finger_left_link", "_finger_right_link", "_wrist_yaw_link")


def forbidden_contacts(recording: Recording, held: set[str]) -> list[Touch]:
    """Every contact of the robot that is not part of the job, in order of time.

    Allowed: feet with the floor, gripper with the objects that it was commanded to take (`held`: their
    names), and the parts of a gripper with each other.
    """
    touches = [
        Touch(a=a, b=b, stamp=reports[0][0], force=max(force for _, force in reports))
        for (a, b), reports in recording.touches.items()
        if not _allowed(a.split("::"), b.split("::"), held)
    ]
    return sorted(touches, key=lambda t: t.stamp)


def _allowed(a: list[str], b: list[str], held: set[str]) -> bool:
    """a, b: names of model, link and collision."""
    if a[0] != "g1" and b[0] != "g1":
        return True  # objects and furniture among themselves
    if a[0] == b[0] == "g1":
        return a[1].endswith(GRIPPERS) and b[1].endswith(GRIPPERS)
    robot, other = (a, b) if a[0] == "g1" else (b, a)
    if other[0].startswith(FLOOR):
        return robot[1] in FEET
    return other[0] in held and robot[1].endswith(GRIPPERS)
