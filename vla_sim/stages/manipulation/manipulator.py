"""What the arms do for one request after another: a core that is ticked and knows no ROS.

manipulator = Manipulator(ArmPlanner(Kinematics.load()))
manipulator.request(request)
for command in manipulator.tick(observation):
    ...                                # a Trajectory or a GripperCommand to send
manipulator.status                     # what to report
"""

from concurrent.futures import Executor

from vla_sim.contract.records import GoalState, ManipulationRequest, ManipulationStatus
from vla_sim.stages.manipulation.actions import Action, End, name_of
from vla_sim.stages.manipulation.arm_planner import ArmPlanner
from vla_sim.stages.manipulation.arms import Arms, GripperCommand
from vla_sim.stages.manipulation.gripper_monitor import Held
from vla_sim.stages.manipulation.pick_and_place import PickAndPlace
from vla_sim.stages.manipulation.planning_scene import Observation, WorldModel
from vla_sim.stages.manipulation.trajectory import Trajectory


class Manipulator:
    """world: what is known of the world. executor: runs the planner; without one, the tick does."""

    def __init__(
        self, planner: ArmPlanner, world: WorldModel | None = None, executor: Executor | None = None
    ) -> None:
        self._actions = PickAndPlace(planner, world or WorldModel(), executor)
        self._action: Action | None = None

    @property
    def busy(self) -> bool:
        return self._action is not None

    @property
    def held(self) -> dict[str, Held]:
        """What each arm holds, by side."""
        return self._actions.held

    @property
    def status(self) -> ManipulationStatus:
        """Of the newest request."""
        return self._actions.status

    @property
    def arms(self) -> Arms:
        return self._actions.arms

    def request(self, request: ManipulationRequest) -> None:
        """Take a request; one that is under way ends as cancelled. The arms stop first."""
        do = self._actions
        if self._action is not None:
            self._finish("cancelled", End(False, "another request came"))
            self.arms.halt()
        do.status = ManipulationStatus(goal_id=request.goal_id, state="active", action=request.action)
        actions = {
            "ready": do.ready, "pick": do.pick, "place": do.place, "carry": do.carry, "home": do.home,
            "open": do.open, "cancel": do.cancel,
        }  # fmt: skip
        self._action = actions[request.action](request)

    def tick(self, observation: Observation) -> list[Trajectory | GripperCommand]:
        """One step; what to send now. Call it at about 20 Hz or more."""
        if self.arms.known and observation.time < self.arms.now.time - 1.0:
            self._start_anew()
        self.arms.update(observation)
        self._drop_lost()
        if self._action is not None:
            try:
                next(self._action)
            except StopIteration as stop:
                end: End = stop.value
                self._finish("succeeded" if end.ok else "failed", end)
        return self.arms.take()

    def _drop_lost(self) -> None:
        for side, held in list(self.held.items()):
            if self.arms.grippers[side].lost(held.width):
                del self.held[side]
                if self._action is None:
                    self._actions.update_status(
                        state="failed", phase="lost", arm=side, holding=False,
                        detail=f"I dropped the {name_of(held.item)}.",
                    )  # fmt: skip

    def _start_anew(self) -> None:
        """The simulation was reset: the arms are the policy's again and hold nothing."""
        self.held.clear()
        self.arms.forget()
        if self._action is not None:
            self._finish("cancelled", End(False, "the simulation was reset"))

    def _finish(self, state: GoalState, end: End) -> None:
        if self._action is not None:
            self._action.close()
        self._action = None
        side = next(iter(self.held), None)
        self._actions.update_status(
            state=state, detail=end.detail, stand_offset=end.stand_offset, holding=bool(self.held),
            arm=side or self.status.arm, gripper_width=self.arms.grippers[side].width if side else 0.0,
        )  # fmt: skip
