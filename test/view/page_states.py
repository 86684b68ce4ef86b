"""A run as the page shows it, made of messages that never were."""

import math
from types import SimpleNamespace as Message

import numpy as np

from vla_sim.contract import records, topics
from vla_sim.contract.records import Plan, Status, Step, TraceEvent, Transcript, Verdict
from vla_sim.view.state import LOG, ViewState

STEPS = [
    Step(skill="navigate", place="kitchen"),
    Step(skill="find", object=records.ObjectQuery(kind="cup", colour="red")),
    Step(skill="approach", object=records.ObjectQuery(kind="cup", colour="red")),
    Step(skill="pick", object=records.ObjectQuery(kind="cup", colour="red")),
]
WORDS = "go to the kitchen and pick up the red cup"


def walking(world):
    """On its way, with everything that a page can show; no time passes."""
    state = ViewState(lambda: 0.0)
    x, y, yaw = world.start
    half = yaw / 2
    pose = Message(
        position=Message(x=x, y=y, z=0.77),
        orientation=Message(w=math.cos(half), x=0.0, y=0.0, z=math.sin(half)),
    )
    kitchen = next(place for place in world.places if place.name == "kitchen")

    def take(topic, message, stamp=12.0):
        state.take(topic if isinstance(topic, str) else topic.name, message, stamp)

    take(topics.ODOM, Message(pose=Message(pose=pose)))
    ranges = [2.0 + 0.5 * math.sin(k / 20) for k in range(360)]
    take(topics.SCAN, Message(ranges=ranges, angle_min=-math.pi, angle_increment=math.radians(1.0)))
    points = np.linspace((x, y), (kitchen.x, kitchen.y), 30)
    poses = [Message(pose=Message(position=Message(x=a, y=b))) for a, b in points]
    take(topics.GLOBAL_PATH, Message(poses=poses))
    go = records.NavigationRequest(goal_id="g", mode="go", x=kitchen.x, y=kitchen.y, yaw=kitchen.yaw)
    take(topics.NAVIGATION_REQUEST, go)
    twist = Message(linear=Message(x=0.42, y=0.0), angular=Message(z=-0.1))
    take(topics.CMD_VEL, Message(twist=twist))
    cup = records.DetectedObject(
        track_id=1, kind="cup", colour="red", position=(kitchen.x, kitchen.y, 0.9), size=(0.08, 0.08, 0.1),
        yaw=0.0, confidence=0.93, last_seen=11.9,
    )  # fmt: skip
    take(topics.OBJECTS, records.ObjectList(stamp=12.0, objects=[cup]))
    truth = records.GroundTruth(
        stamp=12.0, robot=(x, y, 0.77, 1.0, 0.0, 0.0, 0.0), fallen=False, clearance=0.4,
        objects={"red_cup": (kitchen.x, kitchen.y, 0.9, 1.0, 0.0, 0.0, 0.0)},
        movers={"person": (x + 1.2, y + 0.8, 0.0, 1.0, 0.0, 0.0, 0.0)}, real_time_factor=1.0,
    )  # fmt: skip
    take(topics.GROUND_TRUTH, truth)
    take(topics.TRANSCRIPT, Transcript(
        command_id="c", text=WORDS, confidence=0.9, complete=True, speech_end_mono=50.0
    ), 3.0)  # fmt: skip
    plan = Plan(command_id="c", text=WORDS, steps=STEPS, planner="rules")
    take(topics.PLAN, plan, 3.2)
    take(topics.VERDICT, Verdict(command_id="c", allowed=True, reasons=[], plan=plan, mono=50.2), 3.2)
    for stage, begin, end in (
        ("voice", 0.0, 0.134), ("intent", 0.135, 0.141), ("perception", 0.142, 0.181),
        ("planning", 0.182, 0.19), ("safety", 0.191, 0.196), ("control", 0.196, 0.231),
    ):  # fmt: skip
        event = TraceEvent(command_id="c", stage=stage, begin_mono=50.0 + begin, end_mono=50.0 + end)
        take(topics.TRACE, event, 3.2)
    take(topics.STATUS, Status(command_id="c", state="running", skill="navigate", steps=4, mono=50.3))
    take(topics.SAFETY_STATE, records.SafetyState(level="ok", reasons=[], stop_epoch=1))
    figures = records.StageFigures(
        stage="voice", count=3, last=134.0, p50=140.0, p95=330.0, p99=340.0, worst=340.0, over=1, limit=300.0,
        goal=150.0,
    )  # fmt: skip
    usage = records.NodeUsage(node="engine", pid=7, cpu=61.0, memory=365.0, silent=0.2)
    alert = records.Alert(
        component="system", metric="cpu", value=84.0, threshold=80.0, unit="%", severity="warning",
        stamp=11.0, mono=1.0,
    )  # fmt: skip
    take(topics.MONITOR_ALERTS, alert)
    take(topics.MONITOR_STATE, records.MonitorState(
        stamp=12.0, mono=1.0, cpu=84.0, memory=31.0, disk=40.0, sent=0.0, received=0.0, real_time_factor=1.0,
        stages=[figures], rates={"/scan": 10.0, "/cmd_vel": 50.1, "/joint_states": 50.0}, throughput=None,
        errors=0.0, commands=1, missed=0.0, nodes=[usage], alerts=[alert],
    ))  # fmt: skip
    take(topics.FAULTS, records.FaultState(faults=[]))
    for level, name, text in ((20, "executive", "navigate (step 1 of 4)"), (30, "voice", "nobody is heard")):
        take(LOG, Message(level=level, name=name, msg=text))
    return state
