"""Gazebo's own camera and lidar: whether they work here, and what they saw.

engine = render_engine(in_time=True)              # "ogre2" or "ogre"; probed in a process of its own
sensors = NativeSensors(gz.transport, model)      # subscribes; wait with `frame`, `scan`
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vla_sim.common.arrays import Array
from vla_sim.common.errors import EngineError, MissingError
from vla_sim.world.sdf.elements import Model

ENGINES = ("ogre2", "ogre")
PATIENCE = 60.0
"""[s] of the clock for the first frame: shaders are compiled then."""
DISTANCE = 2.0
"""[m] at which the probe's wall stands."""
SLOW = 0.05
"""[s] for a frame and a turn of the lidar of the probe's bare world, of the 0.1 s in which both come anew."""
LONG = 10.0
"""[s] of the clock for a frame of the probe's bare world."""
WORLD = """<sdf version='1.10'><world name='probe'>
<physics name='p' type='ignored'><max_step_size>0.01</max_step_size></physics>
<plugin filename='gz-sim-sensors-system' name='gz::sim::systems::Sensors'>
<render_engine>{engine}</render_engine></plugin>
<light type='directional' name='sun'><direction>1 0 -1</direction></light>
<model name='wall'><static>true</static><pose>{far} 0 0 0 0 0</pose><link name='l'><visual name='v'>
<geometry><box><size>0.2 4 4</size></box></geometry></visual></link></model>
<model name='eye'><static>true</static><link name='l'><sensor name='s' type='depth_camera'>
<update_rate>10</update_rate><topic>probe</topic><camera><horizontal_fov>1</horizontal_fov>
<image><width>32</width><height>24</height><format>R_FLOAT32</format></image>
<clip><near>0.1</near><far>10</far></clip></camera></sensor>
<sensor name='t' type='gpu_lidar'><update_rate>10</update_rate><topic>probe_lidar</topic><lidar><scan>
<horizontal><samples>360</samples><min_angle>-3.141593</min_angle><max_angle>3.124139</max_angle></horizontal>
<vertical><samples>16</samples><min_angle>-0.907571</min_angle><max_angle>0.122173</max_angle></vertical>
</scan><range><min>0.1</min><max>12</max></range></lidar></sensor></link></model>
</world></sdf>"""


def render_engine(in_time: bool) -> str:
    """The first render engine that measures a wall where it is; in_time: and is fast enough for real time,
    which GL in software is not.

    Raises `MissingError` with the reason of each. Without a display or a GL library a render engine may take
    its process down, so that each is tried in a process of its own.
    """
    probes = [
        subprocess.Popen(
            [sys.executable, "-m", "vla_sim.simulation.gazebo.render", engine],
            env={**os.environ, "GZ_PARTITION": f"vla_sim-{engine}-{os.getpid()}"},
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        for engine in ENGINES
    ]  # fmt: skip
    why = []
    answers = [(probe.communicate()[0].strip(), probe.returncode) for probe in probes]
    for engine, (answer, code) in zip(ENGINES, answers, strict=True):
        said = (answer or f"ended with {code}").splitlines()[-1]
        if code == 0:
            seconds = float(said)
            if not in_time or seconds < SLOW:
                return engine
            said = f"{1000 * seconds:.0f} ms for a frame and a scan; {1000 * SLOW:.0f} keep up"
        why.append(f"{engine}: {said}")
    raise MissingError(
        f"Gazebo cannot render here ({'; '.join(why)}); it needs gz-sim8's sensors system, gz-rendering8 "
        "with an engine, a display or EGL (without a screen: xvfb-run), and GL in hardware for real time"
    )


def probe(engine: str) -> None:
    """In a process of its own, which it ends: a depth image of a wall, then the time of a frame and a turn
    [s] as the last line, or what is wrong."""
    importlib.import_module("gz.math7")
    sim, transport = importlib.import_module("gz.sim8"), importlib.import_module("gz.transport13")
    image = importlib.import_module("gz.msgs10.image_pb2").Image
    turn = importlib.import_module("gz.msgs10.laserscan_pb2").LaserScan
    frames: list[Any] = []
    turns: list[Any] = []
    node = transport.Node()
    node.subscribe(image, "probe", frames.append)
    node.subscribe(turn, "probe_lidar", turns.append)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.sdf"
        path.write_text(WORLD.format(engine=engine, far=DISTANCE + 0.1))
        fixture = sim.TestFixture(str(path))
        fixture.finalize()
        took = []
        for _ in range(8):
            known, began = (len(frames), len(turns)), time.perf_counter()
            fixture.server().run(True, 10, False)  # a period of both
            if not node.topic_info("probe")[0]:
                print("no sensors system", flush=True)
                os._exit(1)
            # They come from another thread.
            while (len(frames) == known[0] or len(turns) == known[1]) and time.perf_counter() - began < LONG:
                time.sleep(0.001)
            took.append(time.perf_counter() - began)
            if not frames or not turns:
                break
    if not frames or not turns:
        print("no image", flush=True)
        os._exit(1)
    depth = np.frombuffer(frames[-1].data, np.float32).reshape(24, 32)[12, 16]
    if abs(depth - DISTANCE) > 0.01:
        print(f"a wall at {DISTANCE} m is seen at {depth:.3f} m", flush=True)
        os._exit(1)
    print(float(np.median(took)), flush=True)
    os._exit(0)


class NativeSensors:
    """What Gazebo's head camera and lidar published last. Times are Gazebo's [s]."""

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
            if not self._news.wait_for(there, PATIENCE):
                raise EngineError(
                    f"Gazebo's {' and '.join(kinds)} of {now:.2f} s did not come in {PATIENCE:.0f} s; "
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

    def scan(self, now: float) -> Array:
        """The lidar's latest turn: (rows * columns,) distances [m], inf where nothing was hit."""
        return np.array(self._wait(("scan",), now)[1][0].ranges)


if __name__ == "__main__":
    probe(sys.argv[1])
