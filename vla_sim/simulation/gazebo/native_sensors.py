"""Gazebo's own camera and lidar: what they published last."""

import importlib
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.errors import EngineError
from vla_sim.world.sdf.elements import Model

FRAME_TIMEOUT = 60.0
"""[s] of the machine's clock for a frame: shaders are compiled at the first."""


class NativeSensors:
    """Subscribes to the head camera and lidar; times are Gazebo's [s]."""

    def __init__(self, transport: Any, model: Model) -> None:
        image = importlib.import_module("gz.msgs10.image_pb2").Image
        scan = importlib.import_module("gz.msgs10.laserscan_pb2").LaserScan
        self._node = transport.Node()
        self._news = threading.Condition()
        self._last: dict[str, tuple[float, Any]] = {}
        self._period: dict[str, float] = {}
        self.period = 0.0
        """[s] after which everything has been seen at least once."""
        camera = next((s for s in model.sensors() if s.camera), None)
        lidar = next((s for s in model.sensors() if s.lidar), None)
        for sensor, kind, suffix, message in (
            (camera, "color", "/image", image), (camera, "depth", "/depth_image", image),
            (lidar, "scan", "", scan),
        ):  # fmt: skip
            if sensor is not None:
                self._period[kind] = 1.0 / sensor.update_rate
                self.period = max(self.period, self._period[kind])
                self._node.subscribe(message, sensor.topic + suffix, self._taker(kind))

    def _taker(self, kind: str) -> Callable[[Any], None]:
        def take(message: Any) -> None:  # in transport's thread
            stamp = message.header.stamp
            with self._news:
                self._last[kind] = (stamp.sec + 1e-9 * stamp.nsec, message)
                self._news.notify_all()

        return take

    def _wait(self, kinds: tuple[str, ...], now: float) -> tuple[float, list[Any]]:
        """Messages of one moment, no older than their period at `now`; (their time, messages)."""
        since = now - max(self._period[k] for k in kinds) - 1e-6

        def there() -> bool:
            times = {self._last.get(k, (-1.0, None))[0] for k in kinds}
            return len(times) == 1 and times.pop() > since

        with self._news:
            if not self._news.wait_for(there, FRAME_TIMEOUT):
                raise EngineError(
                    f"Gazebo's {' and '.join(kinds)} of {now:.2f} s did not come in {FRAME_TIMEOUT:.0f} s; "
                    "use --sensors software"
                )
            return self._last[kinds[0]][0], [self._last[k][1] for k in kinds]

    def frame(self, now: float) -> tuple[float, NDArray[np.uint8], NDArray[np.float32]]:
        """The camera's latest frame: time, colour (height, width, 3), depth (height, width) [m]."""
        stamp, (color, depth) = self._wait(("color", "depth"), now)
        shape = color.height, color.width
        return (
            stamp, np.frombuffer(color.data, np.uint8).reshape(*shape, 3).copy(),
            np.frombuffer(depth.data, np.float32).reshape(shape).copy(),
        )  # fmt: skip

    def scan(self, now: float) -> NDArray[np.float64]:
        """The lidar's latest turn: (rows * columns,) distances [m], inf where nothing was hit."""
        return np.array(self._wait(("scan",), now)[1][0].ranges)
