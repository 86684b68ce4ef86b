"""The language stage as a ROS node: transcripts and typed commands in, intents, plans and questions out."""

from concurrent.futures import CancelledError, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from vla_sim.common.errors import VlaSimError
from vla_sim.contract import topics
from vla_sim.contract.faults import KINDS
from vla_sim.contract.records import Fault, Point, Priority, Status
from vla_sim.robot.body import planar_base_in_map
from vla_sim.ros import conversions
from vla_sim.ros.spin import spin
from vla_sim.ros.stage_node import StageNode
from vla_sim.stages.language.dialogue_context import Context, DialogueTracker
from vla_sim.stages.language.gathered_context import GatheredContext
from vla_sim.stages.language.llm.errors import LlmError
from vla_sim.stages.language.llm.llm_planner import LlmPlanner
from vla_sim.stages.language.llm.local_model import LocalModel
from vla_sim.stages.language.llm.scripted_llm import ScriptedLlm, faulty, load_answers
from vla_sim.stages.language.params import LOCAL, SCRIPTED, LanguageParams
from vla_sim.stages.language.responder import Responder
from vla_sim.stages.language.rule_planner import RulePlanner, Understood
from vla_sim.world.semantic_map import World

ANSWERS_PERIOD = 0.02
"""[s] between looks for the model's answers in lock-step."""
LOADING = "loading"
"""State of a model whose first answer is awaited."""
LOADING_SECONDS = 180.0
"""For the first answer: some servers load a model when it is first asked for."""


class LanguageNode(StageNode[LanguageParams]):
    """Parameters: `LanguageParams`.

    Subscribes /voice/transcript, /vla/command, /vla/status, /manipulation/status, /perception/objects,
    /safety/state, /monitor/load; for a language model /odom and /localization/map_to_odom too.
    Publishes /vla/intent, /vla/plan, /voice/say (questions back, answers), /vla/status (asked,
    answered), trace "intent" and "planning".
    """

    def __init__(self) -> None:
        super().__init__("language", LanguageParams)
        p = self.params
        world = World.load(p.world)
        self.dialogue = DialogueTracker(world)
        self.rules = RulePlanner(world)
        self.rules.plan("go to the kitchen and pick up the red cup")  # first use compiles patterns
        self.gathered = GatheredContext(self.now, self.reject, self.pose)
        self._odom: Any = None
        self._map_to_odom: Any = None
        self._model: LlmPlanner | None = None
        self._server: LocalModel | ScriptedLlm | None = None
        self._model_state = "none"
        self._faults: dict[str, float] = {}
        self._broken: ScriptedLlm | None = None
        """Stands in for the model's server during a fault."""
        model: dict[str, Any] = {}
        if p.planner != "rules":
            self._model_state = "starting"
            notify = self.execution.notifier(lambda: self.responder.on_answers(), ANSWERS_PERIOD)
            model = {"begin": self._begin, "on_ready": notify, "settle": self.execution.settle}
            self.execution.in_background(self._start_model)
            self.listen(topics.ODOM, self.on_odom)
            self.listen(topics.MAP_TO_ODOM, self.on_map_to_odom)
        self.responder = Responder(
            self.rules, self.dialogue, self.send, self.gathered, mode=p.planner,
            talk=p.talk, allowed=lambda: self.load.language_model, note=self.get_logger().warning, **model,
        )  # fmt: skip
        for topic in (topics.INTENT, topics.PLAN, topics.SAY, topics.STATUS):
            self.publish(topic)  # discovered before the first command, not at it
        self.listen(topics.MANIPULATION_STATUS, self.dialogue.on_manipulation)
        self.listen(topics.STATUS, self.on_status)  # before the commands that it may answer
        self.listen(topics.TRANSCRIPT, self.responder.on_transcript)
        self.listen(topics.COMMAND, self.responder.on_command)
        # Kept undecoded: ten arrive a second, one is needed every few minutes.
        self.listen(topics.OBJECTS, self.on_objects, raw=True)
        self.listen(topics.SAFETY_STATE, self.gathered.on_safety, raw=True)
        self.repeat(0.1, self.responder.on_gathered)
        self.repeat(0.2, self.responder.check)
        self.follow_load()
        self.caches.register(
            "answers of the language model", lambda: self._model.cleanup() if self._model else ""
        )

    def on_params(self, params: LanguageParams) -> None:
        self.responder.talk = params.talk
        if self._model is not None:
            self._model.set(replace(params, base_url=self._model.settings.base_url))

    def on_status(self, status: Status) -> None:
        self.responder.on_status(status)
        self.dialogue.on_status(status)

    def on_faults(self, faults: list[Fault]) -> None:
        kinds = {one.kind: one.amount or 0.0 for one in faults if KINDS[one.kind].group == "model"}
        if self._model is None or kinds == self._faults:
            return
        self._faults = kinds
        broken = next((kind for kind in kinds if kind != "llm_slow"), "")
        server, self._broken = self._broken, faulty(broken) if broken else None
        self._model.disturb(self._broken.base_url if self._broken else "", kinds.get("llm_slow", 0.0))
        if server is not None:
            server.close()

    def on_objects(self, message: Any) -> None:
        self.gathered.on_objects(message)
        self.responder.on_gathered()

    def on_odom(self, message: Any) -> None:
        self._odom = message.pose.pose

    def on_map_to_odom(self, message: Any) -> None:
        self._map_to_odom = message.transform

    def pose(self) -> Point | None:
        """Of the robot in map; None until the simulator and localisation have said."""
        if self._odom is None or self._map_to_odom is None:
            return None
        frames = (conversions.pose_matrix(one) for one in (self._map_to_odom, self._odom))
        return planar_base_in_map(*frames)

    def status(self) -> dict[str, str]:
        held = self.dialogue.context.held
        counts = {what: str(count) for what, count in self.responder.counts.items()}
        model = self._model.completions.statistics.values() if self._model is not None else {}
        state = {"planner": self.params.planner, "model": self._model_state, "held": str(held or "")}
        return state | counts | model

    def close(self) -> None:
        self.responder.cancel()
        if self._model is not None:
            self._model.close()
        for server in (self._server, self._broken):
            if server is not None:
                server.close()

    def _begin(self, text: str, context: Context, priority: Priority) -> Future[Understood]:
        if self._model is None or self._model_state == LOADING:
            raise LlmError(f"the language model is not ready: {self._model_state}")
        return self._model.begin(text, context, priority)

    def _start_model(self) -> None:
        """In the background: import the client, start the local server, let the server load the model; the
        rules answer until then."""
        p, log = self.params, self.get_logger()
        try:
            url = p.base_url
            if url == LOCAL:
                self._server = LocalModel()
                url = self._server.start()
            elif url.startswith(SCRIPTED):
                self._server = ScriptedLlm(answers=load_answers(Path(url.removeprefix(SCRIPTED)))).start()
                url = self._server.base_url
            model = LlmPlanner(self.rules, replace(self.params, base_url=url), log.info)
            model.connect()
        except VlaSimError as error:
            self._model_state = str(error)
            log.error(f"no language model, the rules plan alone: {error}")
            return
        self._model_state, self._model = LOADING, model
        # In lock-step a server's time is charged when a command asks it.
        if p.base_url == LOCAL or not (self.execution.deterministic or p.base_url.startswith(SCRIPTED)):
            try:
                model.warm(LOADING_SECONDS)
            except LlmError as error:  # it may answer later
                log.warning(f"the language model does not answer yet, the rules plan until it does: {error}")
            except CancelledError:  # the node ends
                return
        self._model_state = "ready"


def main() -> int:
    return spin(LanguageNode)


if __name__ == "__main__":
    raise SystemExit(main())
