"""What makes a run's folder a bag of rosbag2: `metadata.yaml` beside the recording."""

from collections import Counter
from pathlib import Path
from typing import Any

import yaml

METADATA = "metadata.yaml"
VERSION = 9
"""Of the metadata's form, as Jazzy writes it."""
QOS = "offered_qos_profiles"
"""The key of a channel's metadata, and of a topic's here: a list in YAML, empty where nothing is said."""


def describe(files: list[Path]) -> None:
    """Write the metadata of whole files, oldest first, into their folder. Raises `OSError`."""
    parts = [(path.name, _summary(path)) for path in files]
    counts: Counter[tuple[str, str, str]] = Counter()
    for _, summary in parts:
        for number, channel in summary.channels.items():
            kind, qos = summary.schemas[channel.schema_id].name, channel.metadata.get(QOS, "")
            counts[channel.topic, kind, qos] += summary.statistics.channel_message_counts.get(number, 0)
    known = {
        "version": VERSION, "storage_identifier": "mcap", "compression_format": "", "compression_mode": "",
        "custom_data": {}, "ros_distro": "jazzy", **_extent(*(summary for _, summary in parts)),
        "relative_file_paths": [name for name, _ in parts],
        "files": [{"path": name, **_extent(summary)} for name, summary in parts],
        "topics_with_message_count": [
            {"topic_metadata": _topic(*topic), "message_count": count}
            for topic, count in sorted(counts.items())
        ],
    }  # fmt: skip
    text = yaml.safe_dump({"rosbag2_bagfile_information": known}, sort_keys=False)
    (files[-1].parent / METADATA).write_text(text)


def _topic(name: str, kind: str, qos: str) -> dict[str, Any]:
    return {
        "name": name, "type": kind, "serialization_format": "cdr", QOS: yaml.safe_load(qos) or [],
        "type_description_hash": "",
    }  # fmt: skip


def _extent(*summaries: Any) -> dict[str, Any]:
    figures = [one.statistics for one in summaries]
    start, end = min(one.message_start_time for one in figures), max(one.message_end_time for one in figures)
    return {
        "starting_time": {"nanoseconds_since_epoch": start}, "duration": {"nanoseconds": end - start},
        "message_count": sum(one.message_count for one in figures),
    }  # fmt: skip


def _summary(path: Path) -> Any:
    from mcap.reader import SeekingReader

    with path.open("rb") as file:
        return SeekingReader(file).get_summary()
