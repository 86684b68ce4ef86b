"""Behaviour cloning of the scripted policy from recordings, on a CPU; the network as ONNX.

python examples/training/train.py recordings/first recordings/second --out reference.onnx --minutes 20
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

try:
    import torch
    from network import MIRROR, Policy
except ImportError as error:
    sys.exit(f"training needs PyTorch and onnx: pip install 'vla_sim[train]' ({error})")

OPSET = 17
PARTS, LESSONS = 16, 32
"""Of a step: looks, and of each so many states."""
HELD_OUT = 12
"""Every so manieth episode is not learned from, but held against."""
SIDES = ("left", "right")
COLOURS = ("red", "green", "yellow", "blue")
KINDS = ("cup", "bottle", "ball", "box")
WORDS = (*COLOURS, *KINDS)


class Part:
    """One look at a thing, and its lessons: of the arm that picks alone, as if it were the right one."""

    def __init__(self, data: Any, i: int, called: str, indices: dict[str, Any]) -> None:
        get = lambda name: data[f"{i}/{name}"]  # noqa: E731
        self.left = float(str(get("side")) == "left")
        side = "left" if self.left else "right"
        self.words = np.array([w in called.split() for w in WORDS], np.float32)
        self.color = get("color")
        if self.color.shape[0] == 120:
            self.color = self.color.reshape(60, 2, 80, 2, 3).mean((1, 3)).astype(np.uint8)
        base = get("base")
        first = np.linalg.inv(base[0])
        points = get("points") @ first[:3, :3].T + first[:3, 3]
        self.points = np.where(np.isfinite(points), points, 0.0).astype(np.float32)
        self.moved = (np.linalg.inv(base) @ base[0]).astype(np.float32)
        sign = np.array(MIRROR) if self.left else np.ones(7)
        q = get("joints")
        arm = q[:, indices["arm"][side]]
        self.arm = (sign * arm).astype(np.float32)
        self.wide = np.stack(
            [v[:, indices["finger"][side]].sum(1) for v in (q, get("before"))], 1
        ).astype(np.float32)  # fmt: skip
        self.way = (sign * (get("way") - arm[:, None])).astype(np.float32)
        self.goals = (sign * get("goals")).reshape(-1, 21).astype(np.float32)
        self.close = (get("opening") < 0.001).astype(np.float32)
        self.opening = np.float32(get("wide"))

    def __len__(self) -> int:
        return len(self.arm)


def load(folders: list[Path]) -> tuple[list[Part], list[Part], dict[str, Any]]:
    """What is learned from, what is held out, and what there is of it."""
    from vla_sim.robot import facts

    indices = {"arm": facts.ARM_INDEX, "finger": facts.FINGER_INDEX}
    learned: list[Part] = []
    held: list[Part] = []
    about: dict[str, Any] = {"episodes": 0, "successful": 0, "states": 0, "seeds": [], "things": []}
    for path in sorted(path for folder in folders for path in folder.glob("[0-9]*.npz")):
        with np.load(path) as data:
            seed = int(data["seed"])
            called = str(data["called"])
            parts = [Part(data, i, called, indices) for i in range(int(data["parts"]))]
            about["successful"] += int(data["success"])
        about["episodes"] += 1
        about["things"] = sorted({*about["things"], called})
        about["states"] += sum(map(len, parts))
        about["seeds"].append(seed)
        (held if seed % HELD_OUT == 0 else learned).extend(parts)
    about["seeds"] = [min(about["seeds"]), max(about["seeds"])]
    return learned, held, about


def batch(parts: list[Part], lessons: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """Looks (b, ...), and lessons (b * lessons, ...) in their order."""
    out: dict[str, list[Any]] = {}
    for one in parts:
        k = rng.integers(len(one), size=lessons)
        for name in ("color", "points", "words"):
            out.setdefault(name, []).append(getattr(one, name))
        for name in ("moved", "arm", "wide", "way", "goals", "close"):
            out.setdefault(name, []).append(getattr(one, name)[k])
        for name in ("left", "opening"):
            out.setdefault(name, []).append(np.full(lessons, getattr(one, name), np.float32))
    looks = {name: torch.from_numpy(np.stack(out.pop(name))) for name in ("color", "points", "words")}
    return looks | {name: torch.from_numpy(np.concatenate(v)) for name, v in out.items()}


def losses(policy: Policy, b: dict[str, torch.Tensor], augment: bool) -> dict[str, torch.Tensor]:
    color, points = b["color"].float(), b["points"]
    if augment:
        n = len(color)
        gain = (0.7 + 0.6 * torch.rand(n, 1, 1, 1)) * (0.92 + 0.16 * torch.rand(n, 1, 1, 3))
        color = (color * gain + 4.0 * torch.randn_like(color)).clamp(0.0, 255.0)
        points = torch.where(points == 0.0, points, points + 0.002 * torch.randn_like(points))
    lessons = len(b["arm"]) // len(color)
    mean, spread, looks = (
        one.repeat_interleave(lessons, 0) for one in policy.look(color, points, b["words"])
    )
    mean = (b["moved"][:, :3, :3] @ mean[:, :, None])[:, :, 0] + b["moved"][:, :3, 3]
    left = b["left"]
    goals, opening = policy.goals(mean, spread, looks, left)
    wide = b["wide"] + (0.0005 * torch.randn_like(b["wide"]) if augment else 0.0)
    way, close = policy.way(b["arm"], wide[:, 0], wide[:, 1], goals, policy.spot(mean, left))
    huber = torch.nn.functional.smooth_l1_loss
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    return {
        "way": huber(way / policy.way_scale, b["way"] / policy.way_scale, beta=0.05),
        # Where the arm is bent when it has lifted is of less weight: there are many ways.
        "goals": huber(goals[:, :14], b["goals"][:, :14], beta=0.02)
        + 0.1 * huber(goals[:, 14:], b["goals"][:, 14:], beta=0.02),
        "opening": (opening - b["opening"]).abs().mean(),
        "close": bce(close, b["close"]), "side": bce(policy.left(mean), left),
        "way error": (way - b["way"])[:, 3].abs().mean().detach(),
        "goals error": (goals - b["goals"])[:, :14].abs().mean().detach(),
        "close wrong": ((close > 0) != (b["close"] > 0)).float().mean().detach(),
        "side wrong": ((policy.left(mean) > 0) != (left > 0)).float().mean().detach(),
    }  # fmt: skip


WEIGHTS = {"way": 1.0, "goals": 4.0, "opening": 10.0, "close": 0.3, "side": 0.3}


def normalise(policy: Policy, learned: list[Part]) -> None:
    """What the network answers in units of: how large it is in the recordings."""
    goals = np.concatenate([one.goals[:1] for one in learned])
    way = np.concatenate([one.way[::4] for one in learned])
    policy.goal_mean[:] = torch.from_numpy(goals.mean(0))
    policy.goal_scale[:] = torch.from_numpy(goals.std(0) + 0.02)
    policy.way_scale[:] = torch.from_numpy(np.abs(way).mean((0, 2))[:, None] + 0.005)


def go_on(policy: Policy, path: Path) -> None:
    """With the weights of an ONNX file that `export` has written."""
    import onnx
    from onnx import numpy_helper

    found = {one.name: numpy_helper.to_array(one) for one in onnx.load(str(path)).graph.initializer}
    wanted = policy.state_dict()
    missing = sorted(set(wanted) - set(found))
    if missing:
        sys.exit(f"{path} lacks {', '.join(missing)}: it is not of this network")
    policy.load_state_dict({name: torch.from_numpy(found[name].copy()) for name in wanted})


def train(
    policy: Policy, learned: list[Part], held: list[Part], minutes: float, seed: int
) -> dict[str, float]:
    """The errors on what is held out."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    optimiser = torch.optim.AdamW(policy.parameters(), 2e-3, weight_decay=1e-4)
    # A look that begins a whole pick has more to tell than one of a first answer.
    size = np.array([len(one) for one in learned], float)
    odds = np.minimum(size, 60.0) ** 0.7
    odds /= odds.sum()
    began, step = time.process_time(), 0
    done = 0.0
    while done < 1.0:
        done = min(1.0, (time.process_time() - began) / (60.0 * minutes))
        for group in optimiser.param_groups:
            group["lr"] = (
                2e-3 * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * done)))
            )
        chosen = [learned[i] for i in rng.choice(len(learned), PARTS, p=odds)]
        found = losses(policy, batch(chosen, LESSONS, rng), True)
        optimiser.zero_grad()
        sum(weight * found[name] for name, weight in WEIGHTS.items()).backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimiser.step()
        if step % 50 == 0:
            told = "  ".join(f"{k} {float(v.detach()):.4f}" for k, v in found.items())
            print(f"{time.process_time() - began:5.0f} s  step {step}  {told}", flush=True)
        step += 1
    policy.eval()
    if not held:
        return {}
    with torch.no_grad():
        rng = np.random.default_rng(0)
        every = [losses(policy, batch(held[i : i + 32], 24, rng), False) for i in range(0, len(held), 32)]
    out = {k: float(np.mean([float(one[k]) for one in every])) for k in every[0]}
    print("held out:", {k: round(v, 4) for k, v in out.items()}, "steps", step)
    return out


def export(policy: Policy, path: Path, about: dict[str, str]) -> None:
    import onnx
    from onnx.helper import set_model_props

    given = (
        torch.zeros(1, 60, 80, 3, dtype=torch.uint8), torch.ones(1, 60, 80, 3), torch.eye(4)[None],
        torch.ones(1, len(WORDS)), torch.zeros(1, 18),
    )  # fmt: skip
    names = ["color", "points", "moved", "words", "state"]
    torch.onnx.export(
        policy.eval(), given, str(path), input_names=names, output_names=["actions"], opset_version=OPSET,
        dynamo=False,
    )  # fmt: skip
    model = onnx.load(str(path))
    set_model_props(model, about)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--go-on", type=Path, metavar="FILE", help="with the weights of this ONNX file")
    parser.add_argument("--minutes", type=float, default=20.0, help="of processor time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    learned, held, about = load(a.recordings)
    print(about, len(learned), "looks learned from,", len(held), "held out", flush=True)
    policy = Policy(len(WORDS))
    print(sum(p.numel() for p in policy.parameters()), "parameters")
    if a.go_on:
        go_on(policy, a.go_on)
    else:
        normalise(policy, learned)
    errors = train(policy, learned, held, a.minutes, a.seed)
    export(policy, a.out, {
        "words": " ".join(WORDS), "things": json.dumps(about["things"]),
        "recordings": json.dumps(about), "held_out": json.dumps(errors),
        "made_by": "examples/training/train.py", "licence": "Apache-2.0",
    })  # fmt: skip
    print(a.out, a.out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
