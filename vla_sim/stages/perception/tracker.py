"""Tracker: detections of many images become a few lasting objects in the map.

Association is by colour and distance, nearest pair first; the kind is decided by the votes of all
sightings, so that one odd view changes nothing. An object out of view stays; one whose place is seen to
be empty fades and goes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.geometry import Array
from vla_sim.contract.records import DetectedObject
from vla_sim.contract.surface_points import pack
from vla_sim.stages.perception.camera import Intrinsics
from vla_sim.stages.perception.pose_estimator import Box, Detection

GATE = 0.15
"""A detection this far from a track [m] is another thing, unless nothing else explains it."""
GATE_OTHER_KIND = 0.07
GATE_STANDING = 0.06
"""[m] likewise for what stands there and was found by no colour of its own: its colour may waver."""
FIRST_CONFIDENCE = 0.35
"""A detection below this starts no track."""
CONFIRMED = 3
"""Sightings after which a track is published."""
DROP = 0.15
"""A track whose confidence falls below this is forgotten."""
SEEN_EMPTY, SEEN_OTHER = 0.75, 0.94
"""Factors on confidence for an image that shows nothing, or something unrecognised, at its place."""
FADE = 0.9
"""Factor on the weight of a track's names with each answer of a detector that names things."""
FORGOTTEN = 0.1
"""Weight below which such a name is dropped."""
WANDER = 4e-6
"""Growth of a track's variance with each sighting [m^2]: the robot's own pose is not exact."""
LEAST_EXPECTED_PIXELS = 80.0
"""A thing whose picture is smaller may be missed without being gone."""


@dataclass(frozen=True)
class View:
    """What one image could see. pose: (4, 4) optical frame in `map`; depth: (h, w) [m]."""

    camera: Intrinsics
    pose: Array
    depth: NDArray[np.float32]


@dataclass
class Track:
    """One object. variance: of its position along any axis [m^2]. votes: weight of each kind. called: weight
    of each name that a detector has given to it, which goes before its kind. standing: no detector has
    recognised it. points (n, 3): of its surface in `map`, when it was last seen; box: in that image."""

    track_id: int
    colour: str
    position: Array
    variance: float
    yaw: float
    confidence: float
    last_seen: float
    box: Box
    sightings: int = 1
    called: dict[str, float] = field(default_factory=dict)
    votes: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    standing: bool = False
    points: Array | None = None

    @property
    def kind(self) -> str:
        return _most(self.called or self.votes)

    @property
    def size(self) -> tuple[float, float, float]:
        return self.sizes[_most(self.votes)]

    def call(self, names: Mapping[str, float]) -> None:
        """A detector has looked at it, and found these names with their scores."""
        for name in {*self.called, *names}:
            self.called[name] = FADE * self.called.get(name, 0.0) + names.get(name, 0.0)
        self.called = {name: weight for name, weight in self.called.items() if weight >= FORGOTTEN}


class Tracker:
    """unique: the (kind, colour) of which the world has exactly one: when such a thing is well seen at a
    new place, it is no longer at the old one."""

    def __init__(self, unique: frozenset[tuple[str, str]] = frozenset()) -> None:
        self.unique = unique
        self.tracks: list[Track] = []
        self.last_id = 0
        """Of the newest track. What it had is never another one's."""
        self._stamp = -math.inf

    def clear(self) -> None:
        self.tracks.clear()
        self._stamp = -math.inf

    def update(self, detections: Sequence[Detection], view: View, stamp: float) -> None:
        """Take the detections (in `map`) of one image. stamp: of the image [s]; one that is older than
        the last means that time was reset, and clears the tracks."""
        if stamp < self._stamp - 1.0:
            self.clear()
        self._stamp = stamp
        detections = [d for d in detections if not (d.standing and self._is_known(d))]
        matched, new = self._associate(detections)
        for track, detection in matched:
            _follow(track, detection, stamp)
        seen = {id(track) for track, _ in matched}
        for track in self.tracks:
            if id(track) not in seen:
                track.confidence *= evidence(track, view)
        self.tracks = [t for t in self.tracks if t.confidence >= DROP]
        for detection in new:
            if detection.confidence >= FIRST_CONFIDENCE:
                self.tracks.append(self._begin(detection, stamp))
        self._settle(stamp)

    def objects(self) -> list[DetectedObject]:
        """The confirmed tracks, the most confident first."""
        confirmed = (t for t in self.tracks if t.sightings >= CONFIRMED)
        return [
            DetectedObject(
                track_id=t.track_id,
                kind=t.kind,
                colour=t.colour,
                position=(float(t.position[0]), float(t.position[1]), float(t.position[2])),
                size=t.size,
                yaw=float(t.yaw),
                confidence=float(min(max(t.confidence, 0.0), 1.0)),
                last_seen=float(t.last_seen),
                sightings=t.sightings,
                surface=b"" if t.points is None else pack(t.points - t.position),
            )
            for t in sorted(confirmed, key=lambda t: -t.confidence)
        ]

    def _associate(
        self, detections: Sequence[Detection]
    ) -> tuple[list[tuple[Track, Detection]], list[Detection]]:
        pairs = []
        for d, detection in enumerate(detections):
            for t, track in enumerate(self.tracks):
                away = float(np.linalg.norm(track.position - detection.position))
                if away < _gate(track, detection):
                    pairs.append((away, d, t))
        matched, used_d, used_t = [], set(), set()
        for _, d, t in sorted(pairs):
            if d not in used_d and t not in used_t:
                matched.append((self.tracks[t], detections[d]))
                used_d.add(d)
                used_t.add(t)
        return matched, [one for d, one in enumerate(detections) if d not in used_d]

    def _is_known(self, standing: Detection) -> bool:
        """Whether there is a recognised thing where something stands."""
        reach = GATE_STANDING + 0.25 * max(standing.size[:2])
        return any(
            not t.standing and float(np.hypot(*(t.position - standing.position)[:2])) < reach
            for t in self.tracks
        )

    def _begin(self, detection: Detection, stamp: float) -> Track:
        self.last_id += 1
        return Track(
            self.last_id, detection.colour, detection.position.copy(), _noise(detection) ** 2,
            detection.yaw, 0.6 * detection.confidence, stamp, detection.box,
            votes={detection.kind: detection.confidence}, sizes={detection.kind: detection.size},
            standing=detection.standing, points=detection.points,
        )  # fmt: skip

    def _settle(self, stamp: float) -> None:
        """One track a thing: merge duplicates, and move what exists once."""
        kept: list[Track] = []
        for track in sorted(self.tracks, key=lambda t: (t.standing, -t.sightings)):
            if not any(self._same(track, other, stamp) for other in kept):
                kept.append(track)
        for track in list(kept):
            if (track.kind, track.colour) in self.unique and track.sightings >= 5 and track.confidence > 0.6:
                kept = [
                    other
                    for other in kept
                    if other is track
                    or (other.kind, other.colour) != (track.kind, track.colour)
                    or other.last_seen >= track.last_seen - 0.5
                ]
        self.tracks = kept

    def _same(self, a: Track, b: Track, stamp: float) -> bool:
        if a.standing != b.standing:  # recognised, or about to be
            return float(np.hypot(*(a.position - b.position)[:2])) < GATE_STANDING
        if a.colour != b.colour or float(np.linalg.norm(a.position - b.position)) > 0.06:
            return False
        # Two that were distinguished in one image are two, unless they share a place.
        both = a.last_seen == b.last_seen == stamp
        return not both or float(np.linalg.norm(a.position - b.position)) < 0.03


def _most(weights: Mapping[str, float]) -> str:
    return max(weights, key=lambda name: weights[name])


def _gate(track: Track, detection: Detection) -> float:
    if track.standing or detection.standing:
        return GATE_STANDING if track.standing and detection.standing else 0.0
    if track.colour != detection.colour:
        return 0.0
    return GATE if track.kind == detection.kind else GATE_OTHER_KIND


def _noise(detection: Detection) -> float:
    """Standard deviation of a detected position along one axis [m]."""
    return (0.002 + 0.002 * detection.distance) / max(0.3, detection.visible * detection.confidence)


def _follow(track: Track, detection: Detection, stamp: float) -> None:
    """Filter a track with its newest detection: a scalar Kalman gain, opened wide when the thing moves."""
    step = detection.position - track.position
    noise = _noise(detection) ** 2
    track.variance += WANDER
    if float(step @ step) > 9.0 * (track.variance + noise):
        track.variance = float(step @ step)
    gain = track.variance / (track.variance + noise)
    track.position = track.position + gain * step
    track.variance *= 1.0 - gain
    square = abs(detection.size[0] - detection.size[1]) < 1e-3
    period = math.pi / 2 if square else math.pi
    turn = detection.yaw - track.yaw
    track.yaw += max(gain, 0.1) * (turn - period * round(turn / period))
    track.yaw -= period * round(track.yaw / period)
    for kind in track.votes:
        track.votes[kind] *= 0.97
    track.votes[detection.kind] = track.votes.get(detection.kind, 0.0) + detection.confidence
    track.sizes[detection.kind] = detection.size
    if track.standing:
        track.colour, track.points = detection.colour or track.colour, detection.points
    # Half a thing at the image's border is no reason to doubt what was seen whole.
    if detection.visible > 0.8 or detection.confidence > track.confidence:
        track.confidence += 0.35 * (detection.confidence - track.confidence)
    track.last_seen, track.box = stamp, detection.box
    track.sightings += 1


def evidence(track: Track, view: View) -> float:
    """Factor on the confidence of a track that an image did not detect.

    1 when it could not be seen (outside, too small, hidden), `SEEN_EMPTY` when depth reaches behind its
    place, `SEEN_OTHER` when something is there.
    """
    camera = view.camera
    x, y, z = view.pose[:3, :3].T @ (track.position - view.pose[:3, 3])
    if not z > 0.25:
        return 1.0
    u, v = camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy
    radius, least = (0.5 * extent(track.size) * camera.fx / z for extent in (max, min))
    inside = radius < u < camera.width - radius and radius < v < camera.height - radius
    if not inside or 4.0 * least * least < LEAST_EXPECTED_PIXELS:
        return 1.0
    k = max(1, int(0.4 * least))
    row, column = round(v), round(u)
    patch = view.depth[row - k : row + k + 1, column - k : column + k + 1]
    patch = patch[np.isfinite(patch)]
    if patch.size < 3:
        return 1.0
    measured = float(np.median(patch))
    reach = 0.5 * max(track.size)
    if measured > z + reach + 0.03:
        return SEEN_EMPTY
    if measured < z - reach - 0.03:
        return 1.0
    return SEEN_OTHER
