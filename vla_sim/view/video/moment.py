"""One moment of a recorded run as a picture."""

from contextlib import closing
from typing import Literal

from PIL import Image

from vla_sim.common.errors import InputError
from vla_sim.contract import topics
from vla_sim.recording.reader import Recording
from vla_sim.recording.world import world_of
from vla_sim.view.state import ViewState
from vla_sim.view.video.film import PICTURE, begin
from vla_sim.view.video.frame import DISTANCE, HEIGHT, head_picture
from vla_sim.view.video.outside import Follower, Outside

BEFORE = 1.0
"""[s] for which what was seen last is still taken for what is seen."""


def moment(
    recording: Recording, at: float, view: Literal["outside", "head"], size: tuple[int, int]
) -> Image.Image:
    """at: [s] since the first command. size: of a picture from outside, (width, height). Raises
    `InputError` for a time at which there is nothing to be seen."""
    zero = begin(recording)
    topic, state = PICTURE if view == "head" else topics.GROUND_TRUTH.name, ViewState()
    for one in recording.read([topic], zero + at - BEFORE, zero + at):
        state.take(topic, recording.content(one), one.stamp)
    if view == "head" and (seen := head_picture(state)) is not None:
        return seen
    if state.truth is None or not state.truth.joints:
        first, last = recording.start - zero, recording.end - zero
        raise InputError(
            f"{recording.path} has no picture {view} at {at:g} s: it goes from {first:.1f} s to "
            f"{last:.1f} s, counted from the first command"
        )
    with world_of(recording, simulated=True) as world, closing(Outside(world, size)) as outside:
        shot = Follower(world, DISTANCE, HEIGHT).shot(state.truth)
        return Image.fromarray(outside.view(state.truth, shot))
