"""The door to any robot: a simulated one, a real G1, or a G1 behind its own protocol."""

from abc import ABC, abstractmethod

from vla_sim.robot.state import JointCommand, RobotState


class Body(ABC):
    """A robot's joints and its own senses, at the control period. Used from one thread.

    Joint arrays follow `g1.JOINTS` (29 body joints, then 4 finger joints). Quaternions are (w, x, y, z).
    """

    @abstractmethod
    def state(self) -> RobotState:
        """The robot's state now; fresh arrays that the body does not touch again."""

    @abstractmethod
    def command(self, command: JointCommand) -> None:
        """Take a joint command, in force from the next `step` on. Raises `EngineError` on NaN or a wrong
        shape; positions outside a joint's limits are clipped to them."""

    @abstractmethod
    def step(self) -> None:
        """Go on by `CONTROL_PERIOD`: a simulator computes it, a real robot's driver waits for it. Raises
        `EngineError` if the body cannot go on."""

    def close(self) -> None:  # noqa: B027  (most bodies hold nothing)
        """Release what the body holds. Idempotent."""
