"""Episodes as a dataset of LeRobot, version 3.0: parquet, MP4 and JSON in the layout that
`lerobot.datasets.lerobot_dataset` of lerobot 0.4 reads (https://github.com/huggingface/lerobot, Apache-2.0).

    with Writer(folder) as writer:
        for one in episodes(find(["runs/sweep"])):
            writer.add(one)

Failed episodes are in it: `success` in the table of episodes and `next.success` in each frame say which.
The skill of each frame is its subtask.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vla_sim.common.errors import InputError, package
from vla_sim.common.files import write_output
from vla_sim.common.geometry import Array
from vla_sim.demonstrations.episode import ACTION, STATE, Episode
from vla_sim.robot import facts

VERSION = "v3.0"
CAMERA = "observation.images.head"
CHUNK = 1000
"""Files a folder. Each episode has files of its own: one that is broken costs one."""
FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}"
DATA, VIDEO = f"data/{FILE}.parquet", f"videos/{{video_key}}/{FILE}.mp4"
GROUP_OF_PICTURES = 2
"""Learners jump about in a film: every second picture stands for itself, as in LeRobot's own."""
QUALITY = 20
"""Constant rate factor of H.264."""
QUANTILES = (0.01, 0.10, 0.50, 0.90, 0.99)
SAMPLED, PIXELS = 10, 8
"""Every so manieth picture, and pixel each way, counts for the camera's statistics."""
NO_SKILL = "none"
MISSING = "a dataset needs pyarrow and imageio-ffmpeg: pip install 'vla_sim[lerobot]'"
PLAIN = {
    "timestamp": "float32", "frame_index": "int64", "episode_index": "int64", "index": "int64",
    "task_index": "int64", "subtask_index": "int64", "next.done": "bool", "next.success": "bool",
}  # fmt: skip
"""Type of what has one value a frame."""


class Writer:
    """Writes into an empty folder; the dataset is whole once it is closed."""

    def __init__(self, folder: Path) -> None:
        """Raises `InputError`, `MissingError`."""
        self._arrow = package("pyarrow", MISSING)
        self._parquet = package("pyarrow.parquet", MISSING)
        self._ffmpeg = package("imageio_ffmpeg", MISSING)
        if folder.exists() and any(folder.iterdir()):
            raise InputError(f"{folder} is not empty; give another with --out")
        self.folder = folder
        self.frames = 0
        self._fps, self._size = 0, (0, 0)
        self._tasks: dict[str, int] = {}
        self._skills: dict[str, int] = {}
        self._rows: list[dict[str, Any]] = []
        self._seen: dict[str, list[Array]] = {}

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()

    def add(self, one: Episode) -> None:
        """Raises `InputError` for an episode that does not fit to those before it."""
        size = Image.open(io.BytesIO(one.pictures[0])).size
        if self._rows and (one.fps, size) != (self._fps, self._size):
            raise InputError(
                f"{one.record.folder}: {one.fps} pictures a second of {size}; those before it have "
                f"{self._fps} of {self._size}, and a dataset is of one camera"
            )
        self._fps, self._size = one.fps, size
        number, count = len(self._rows), len(one)
        last = np.arange(count) == count - 1
        skills = [self._skills.setdefault(name or NO_SKILL, len(self._skills)) for name in one.skills]
        plain = {
            "timestamp": np.arange(count) / one.fps, "frame_index": np.arange(count),
            "episode_index": np.full(count, number), "index": np.arange(count) + self.frames,
            "task_index": np.full(count, self._tasks.setdefault(one.task, len(self._tasks))),
            "subtask_index": np.array(skills), "next.done": last, "next.success": last & one.success,
        }  # fmt: skip
        place = {"chunk_index": number // CHUNK, "file_index": number % CHUNK}
        pa = self._arrow
        columns = {name: pa.array(plain[name].astype(kind)) for name, kind in PLAIN.items()}
        vectors = {"observation.state": one.state, "action": one.action}
        for name, values in vectors.items():
            columns[name] = pa.array(list(values.astype(np.float32)), pa.list_(pa.float32(), values.shape[1]))
        self._write(DATA.format(**place), columns)
        pixels = self._film(one, self._path(VIDEO.format(video_key=CAMERA, **place)))
        seen = {**vectors, **{name: values[:, None] for name, values in plain.items()}, CAMERA: pixels}
        for name, values in seen.items():
            self._seen.setdefault(name, []).append(values)
        self._rows.append({
            "episode_index": number, "tasks": [one.task], "length": count, "success": one.success,
            "scenario": one.record.scenario, "seed": one.record.seed, "engine": one.record.engine,
            "reasons": list(one.record.reasons), "dataset_from_index": self.frames,
            "dataset_to_index": self.frames + count,
            **{f"data/{key}": value for key, value in place.items()},
            **{f"videos/{CAMERA}/{key}": value for key, value in place.items()},
            f"videos/{CAMERA}/from_timestamp": 0.0, f"videos/{CAMERA}/to_timestamp": count / one.fps,
            "meta/episodes/chunk_index": 0, "meta/episodes/file_index": 0,
            **{
                f"stats/{name}/{key}": value
                for name, values in seen.items() for key, value in _statistics(name, values).items()
            },
        })  # fmt: skip
        self.frames += count

    def close(self) -> None:
        """Raises `InputError` if there was no episode."""
        if not self._rows:
            raise InputError("no episode is in it: no run has such a skill")
        self._write(f"meta/episodes/{FILE.format(chunk_index=0, file_index=0)}.parquet", {
            name: self._arrow.array([row[name] for row in self._rows]) for name in self._rows[0]
        })  # fmt: skip
        self._write_names("meta/tasks.parquet", "task_index", self._tasks)
        self._write_names("meta/subtasks.parquet", "subtask_index", self._skills)
        every = {name: _statistics(name, np.concatenate(parts)) for name, parts in self._seen.items()}
        self._write_json("meta/stats.json", every)
        self._write_json("meta/info.json", self._info())

    def _info(self) -> dict[str, Any]:
        width, height = self._size
        film = {
            "video.height": height, "video.width": width, "video.codec": "h264", "video.pix_fmt": "yuv420p",
            "video.is_depth_map": False, "video.fps": self._fps, "video.channels": 3, "has_audio": False,
        }  # fmt: skip
        features: dict[str, Any] = {
            "observation.state": {"dtype": "float32", "shape": [len(STATE)], "names": list(STATE)},
            "action": {"dtype": "float32", "shape": [len(ACTION)], "names": list(ACTION)},
            CAMERA: {
                "dtype": "video", "shape": [height, width, 3], "names": ["height", "width", "channels"],
                "info": film,
            },
            **{name: {"dtype": kind, "shape": [1], "names": None} for name, kind in PLAIN.items()},
        }  # fmt: skip
        return {
            "codebase_version": VERSION, "robot_type": facts.NAME, "total_episodes": len(self._rows),
            "total_frames": self.frames, "total_tasks": len(self._tasks), "chunks_size": CHUNK,
            "data_files_size_in_mb": 100, "video_files_size_in_mb": 200, "fps": self._fps,
            "splits": {"train": f"0:{len(self._rows)}"}, "data_path": DATA, "video_path": VIDEO,
            "features": features,
        }  # fmt: skip

    def _film(self, one: Episode, path: Path) -> Array:
        """Writes the pictures; (n, 3) some of their pixels, 0..1."""
        options = ["-crf", str(QUALITY), "-g", str(GROUP_OF_PICTURES)]
        film = self._ffmpeg.write_frames(
            str(path), self._size, fps=one.fps, codec="libx264", macro_block_size=2, quality=None,
            ffmpeg_log_level="error", output_params=options,
        )  # fmt: skip
        film.send(None)
        some = []
        for k, data in enumerate(one.pictures):
            pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
            film.send(np.ascontiguousarray(pixels))
            if k % SAMPLED == 0:
                some.append(pixels[::PIXELS, ::PIXELS].reshape(-1, 3) / 255.0)
        film.close()
        return np.concatenate(some)

    def _path(self, name: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _write(self, name: str, columns: dict[str, Any], metadata: dict[bytes, bytes] | None = None) -> None:
        table = self._arrow.table(columns).replace_schema_metadata(metadata)
        self._parquet.write_table(table, self._path(name))

    def _write_names(self, name: str, column: str, names: dict[str, int]) -> None:
        """A table that pandas reads with the names as its index."""
        index = "__index_level_0__"

        def about(field: str | None, kind: str, numpy: str) -> dict[str, Any]:
            return {"name": None if field == index else field, "field_name": field, "pandas_type": kind,
                    "numpy_type": numpy, "metadata": None}  # fmt: skip

        pandas = {
            "index_columns": [index], "column_indexes": [],
            "columns": [about(column, "int64", "int64"), about(index, "unicode", "object")],
        }  # fmt: skip
        self._write(
            name,
            {column: self._arrow.array(names.values(), "int64"), index: self._arrow.array(names, "string")},
            {b"pandas": json.dumps(pandas).encode()},
        )

    def _write_json(self, name: str, data: Any) -> None:
        write_output(self.folder / name, json.dumps(data, indent=4).encode())


def _statistics(name: str, values: Array) -> dict[str, list[Any]]:
    """Of (n, d) values, for each of d; of a camera's as (channels, 1, 1)."""
    values = values.astype(np.float64)
    found = {
        "min": values.min(axis=0), "max": values.max(axis=0), "mean": values.mean(axis=0),
        "std": values.std(axis=0),
        **{f"q{round(100 * q):02d}": np.quantile(values, q, axis=0) for q in QUANTILES},
    }  # fmt: skip
    shape = (-1, 1, 1) if name == CAMERA else (-1,)
    return {"count": [len(values)], **{k: v.astype(float).reshape(shape).tolist() for k, v in found.items()}}


def write(episodes: Iterable[Episode], folder: Path) -> tuple[int, int, int]:
    """A dataset of all of them: how many episodes, of them successful, and frames. Raises `InputError`,
    `MissingError`."""
    count = good = 0
    with Writer(folder) as writer:
        for one in episodes:
            writer.add(one)
            count, good = count + 1, good + one.success
    return count, good, writer.frames
