"""The reference policy's network (PyTorch, extra `train`).

It looks for what the words name: two convolutions say of each point of the image how much it belongs to
that, and the mean of those points, whose places in the pelvis frame are known from depth, is where the thing
is. From that follow three postures of the arm (before the thing, at it, lifted), and from these and where the
arm is, the next 1.6 s. What is right for the left arm is right for the right one mirrored, so all of this is
learned once.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

MIDDLE, AROUND = (0.45, 0.0, 0.0), 0.3
"""[m] in the pelvis frame of where things are, and how far around."""
FEATURES = 12
MIRROR = (1.0, -1.0, -1.0, 1.0, -1.0, 1.0, -1.0)
"""Signs by which one arm's joints are the other's: pitch, roll, yaw, elbow, roll, pitch, yaw."""
CLOSED = 0.0
"""[m]"""


def mlp(*sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.SiLU()]
    return nn.Sequential(*layers[:-1])


class Policy(nn.Module):
    """words: that it is taught."""

    mirror: Tensor
    middle: Tensor
    goal_mean: Tensor
    goal_scale: Tensor
    way_scale: Tensor

    def __init__(self, words: int, horizon: int = 16) -> None:
        super().__init__()
        self.horizon = horizon
        f = FEATURES
        self.eye = nn.Sequential(
            nn.Conv2d(6, f, 3, 1, 1), nn.SiLU(), nn.Conv2d(f, f, 3, 1, 2, 2), nn.SiLU(),
        )  # fmt: skip
        self.wanted = nn.Conv2d(f, words, 1)
        self.side = nn.Linear(3, 1)
        self.goal = mlp(6 + f + words, 128, 128, 3 * 7 + 1)
        self.act = mlp(7 + 2 + 21 + 21 + 4, 256, 256, 256, 7 * horizon + 1)
        self.register_buffer("mirror", torch.tensor(MIRROR))
        self.register_buffer("middle", torch.tensor(MIDDLE))
        self.register_buffer("goal_mean", torch.zeros(21))
        self.register_buffer("goal_scale", torch.ones(21))
        self.register_buffer("way_scale", torch.full((horizon, 1), 0.3))

    def look(self, color: Tensor, points: Tensor, words: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Where the thing is (b, 3), how it spreads (b, 3), what it looks like (b, f + words). color (b, 60,
        80, 3): 0..255. points (b, 60, 80, 3): in the pelvis frame of then [m], zeros where there is none."""
        known = (points.abs().sum(-1) > 0.0).float()  # (b, 60, 80)
        at = ((points - self.middle) / AROUND).clamp(-4.0, 4.0) * known[..., None]
        seen = self.eye(torch.cat([color / 127.5 - 1.0, at], 3).permute(0, 3, 1, 2))
        heat = (self.wanted(seen) * words[:, :, None, None]).sum(1) - 1e4 * (1.0 - known)
        share = heat.flatten(1).softmax(1)[:, None]  # (b, 1, 4800)
        spot = points.flatten(1, 2)
        mean = (share @ spot)[:, 0]
        spread = (share @ (spot - mean[:, None]) ** 2)[:, 0].clamp_min(1e-9).sqrt()
        looks = (share @ seen.flatten(2).transpose(1, 2))[:, 0]
        return mean, spread, torch.cat([looks, words], 1)

    def left(self, mean: Tensor) -> Tensor:
        """(b,) above 0 where the left arm is to pick."""
        return self.side((mean - self.middle) / AROUND)[:, 0]

    def goals(self, mean: Tensor, spread: Tensor, looks: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
        """(b, 21) [rad] the arm's three postures, and (b,) [m] how wide its gripper opens, as if it were the
        right arm. mean: in the pelvis frame of now. left (b,): 1.0 or 0.0."""
        out = self.goal(torch.cat([self.spot(mean, left), spread / 0.03, looks], 1))
        return self.goal_mean + self.goal_scale * out[:, :21], 0.1 * out[:, 21].sigmoid()

    def spot(self, mean: Tensor, left: Tensor) -> Tensor:
        flip = 1.0 - 2.0 * left
        at = (mean - self.middle) / AROUND
        return torch.stack([at[:, 0], at[:, 1] * flip, at[:, 2]], 1)

    def way(
        self, arm: Tensor, opening: Tensor, before: Tensor, goals: Tensor, spot: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(b, horizon, 7) [rad] deltas of the arm (b, 7), and (b,) above 0 where its gripper is to close;
        as if it were the right one."""
        to = goals - arm.repeat(1, 3)
        wide = torch.stack([10.0 * opening, 100.0 * (opening - before)], 1)
        far = (to[:, :14].reshape(-1, 2, 7) ** 2).sum(2).clamp_min(1e-6).sqrt()
        out = self.act(torch.cat([arm, wide, 3.0 * to, goals, spot, far[:, 1:]], 1))
        return out[:, :-1].reshape(-1, self.horizon, 7) * self.way_scale, out[:, -1]

    def forward(self, color: Tensor, points: Tensor, moved: Tensor, words: Tensor, state: Tensor) -> Tensor:
        """(b, horizon, 16) actions. moved (b, 4, 4): the pelvis frame of then in that of now."""
        mean, spread, looks = self.look(color.float(), points, words)
        mean = (moved[:, :3, :3] @ mean[:, :, None])[:, :, 0] + moved[:, :3, 3]
        left = (self.left(mean) > 0.0).float()
        goals, wide = self.goals(mean, spread, looks, left)
        isleft = left[:, None]
        sign = isleft * self.mirror + (1.0 - isleft)
        arm = sign * (isleft * state[:, 0:7] + (1.0 - isleft) * state[:, 8:15])
        opening = left * state[:, 7] + (1.0 - left) * state[:, 15]
        before = left * state[:, 16] + (1.0 - left) * state[:, 17]
        deltas, close = self.way(arm, opening, before, goals, self.spot(mean, left))
        deltas = deltas * sign[:, None, :]
        grip = torch.where(close > 0.0, torch.full_like(wide, CLOSED), wide)
        grip = grip[:, None, None].expand(-1, self.horizon, 1)
        still = torch.zeros_like(deltas)
        l3 = left[:, None, None]
        rest = state[:, [7, 15]][:, None, :].expand(-1, self.horizon, 2)
        return torch.cat([
            l3 * deltas + (1.0 - l3) * still, l3 * grip + (1.0 - l3) * rest[:, :, 0:1],
            (1.0 - l3) * deltas + l3 * still, (1.0 - l3) * grip + l3 * rest[:, :, 1:2],
        ], 2)  # fmt: skip
