from collections import deque

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vla_sim.stages.perception.detector import AREA, BOTTOM, LABEL, LEFT, RIGHT, TOP, connect
from vla_sim.world.colour_names import COLOURS, label_of

RED, BLUE = label_of("red"), label_of("blue")
WANTED = np.array([c in ("red", "blue") for c in COLOURS])


def flood(labels, depth, least):
    """Reference: sets of pixels, by flooding."""
    seen, found = np.zeros(labels.shape, bool), []
    for start in zip(*np.nonzero(WANTED[labels]), strict=True):
        if seen[start]:
            continue
        seen[start], todo, group = True, deque([start]), set()
        while todo:
            v, u = todo.popleft()
            group.add((v, u))
            for y, x in ((v - 1, u), (v + 1, u), (v, u - 1), (v, u + 1)):
                if 0 <= y < labels.shape[0] and 0 <= x < labels.shape[1] and not seen[y, x]:
                    a, b = depth[v, u], depth[y, x]
                    near = not (np.isfinite(a) and np.isfinite(b)) or abs(a - b) < 0.02 + 0.03 * min(a, b)
                    if labels[y, x] == labels[v, u] and near:
                        seen[y, x] = True
                        todo.append((y, x))
        if len(group) >= least:
            found.append(frozenset(group))
    return set(found)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_components_are_those_of_a_flood_fill(seed, least):
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([0, RED, BLUE], np.uint8), (9, 13))
    depth = rng.choice(np.array([0.5, 0.52, 0.8, np.nan], np.float32), (9, 13))
    ids, stats = connect(labels, depth, WANTED, least)
    ours = {frozenset(zip(*np.nonzero(ids == i + 1), strict=True)) for i in range(len(stats))}
    assert ours == flood(labels, depth, least)
    for i, row in enumerate(stats):
        v, u = np.nonzero(ids == i + 1)
        assert (row[LEFT], row[TOP], row[RIGHT], row[BOTTOM]) == (u.min(), v.min(), u.max(), v.max())
        assert row[AREA] == len(v)
        assert (labels[v, u] == row[LABEL]).all()


def test_a_step_in_depth_divides_one_colour():
    labels = np.full((10, 10), RED, np.uint8)
    depth = np.full((10, 10), 0.6, np.float32)
    depth[:, 5:] = 0.8
    assert len(connect(labels, depth, WANTED, 1)[1]) == 2


def test_more_components_than_room_is_no_error():
    labels = np.zeros((20, 20), np.uint8)
    labels[::2, ::2] = RED
    ids, stats = connect(labels, np.ones((20, 20), np.float32), WANTED, 1, most=7)
    assert len(stats) == 7
    assert ids.max() == 7
