"""Whether Gazebo's own camera and lidar work here, and by which render engine."""

import importlib
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from vla_sim.common.errors import MissingError
from vla_sim.simulation.simulator import Sensors

RENDER_ENGINES = ("ogre2", "ogre")
DISTANCE = 2.0
"""[m] at which the probe's wall stands."""
FRAME_LIMIT = 0.05
"""[s] for a frame and a turn of the lidar of the probe's bare world, of the 0.1 s in which both come anew."""
PROBE_TIMEOUT = 10.0
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


def chosen_render_engine(sensors: Sensors) -> str:
    """Of Gazebo's own sensors; "" if they are ray cast. Raises `MissingError` if native ones were asked for
    and cannot work."""
    if sensors == "software":
        return ""
    try:
        return render_engine(in_time=sensors == "auto")
    except MissingError as error:
        if sensors == "native":
            raise
        logging.getLogger(__name__).warning("scans and images are ray cast: %s", error)
        return ""


def render_engine(in_time: bool) -> str:
    """The first render engine that measures a wall where it is; in_time: and is fast enough for real time,
    which GL in software is not.

    Raises `MissingError` with the reason of each. Without a display or a GL library a render engine may take
    its process down, so that each is tried in a process of its own.
    """
    probes = [
        subprocess.Popen(
            [sys.executable, "-m", "vla_sim.simulation.gazebo.render_probe", engine],
            env={**os.environ, "GZ_PARTITION": f"vla_sim-{engine}-{os.getpid()}"},
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        for engine in RENDER_ENGINES
    ]  # fmt: skip
    why = []
    answers = [(probe.communicate()[0].strip(), probe.returncode) for probe in probes]
    for engine, (answer, code) in zip(RENDER_ENGINES, answers, strict=True):
        said = (answer or f"ended with {code}").splitlines()[-1]
        if code == 0:
            seconds = float(said)
            if not in_time or seconds < FRAME_LIMIT:
                return engine
            said = f"{1000 * seconds:.0f} ms for a frame and a scan; {1000 * FRAME_LIMIT:.0f} keep up"
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
            end = began + PROBE_TIMEOUT
            while (len(frames) == known[0] or len(turns) == known[1]) and time.perf_counter() < end:
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


if __name__ == "__main__":
    probe(sys.argv[1])
