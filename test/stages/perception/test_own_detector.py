"""A user's detector is a class by its name."""

import pytest

from vla_sim.common.errors import InputError
from vla_sim.stages.perception.detector import ColourDetector, own_detector
from vla_sim.stages.perception.pose_estimator import ObjectModels

MODULE = """
from vla_sim.stages.perception.detector import Detector

class Blind(Detector):
    def detect(self, rgb, depth, camera, pose):
        return []

class Broken(Detector):
    def detect(self, rgb, depth, camera, pose):
        return rgb / "two"

class Half(Detector):
    pass

class Other:
    pass
"""


@pytest.fixture(autouse=True)
def _module(tmp_path, monkeypatch):
    (tmp_path / "my_detectors.py").write_text(MODULE)
    (tmp_path / "my_typo.py").write_text("class Blind(:\n")
    monkeypatch.syspath_prepend(str(tmp_path))


def test_it_is_made_with_the_models_of_the_world():
    models = ObjectModels.household()
    found = own_detector("my_detectors:Blind", models)
    assert type(found).__name__ == "Blind"
    assert found.models is models


def test_ours_can_be_named_too():
    ours = own_detector("vla_sim.stages.perception.detector:ColourDetector", ObjectModels.household())
    assert isinstance(ours, ColourDetector)


@pytest.mark.parametrize(("path", "why"), [
    ("my_detector:Blind", "No module named 'my_detector'"),
    ("my_detectors:Blnd", "no attribute 'Blnd'"),
    ("my_detectors", "PACKAGE.MODULE:CLASS is allowed"),
    (":Blind", "PACKAGE.MODULE:CLASS is allowed"),
    ("my_detectors:Other", "no subclass of vla_sim.stages.perception.detector.Detector"),
    ("my_detectors:Half", "abstract"),
    ("my_detectors:Broken", "'divide' not supported"),
    ("my_typo:Blind", "invalid syntax"),
])  # fmt: skip
def test_what_is_none_is_one_line_that_says_why(path, why):
    with pytest.raises(InputError, match=why) as error:
        own_detector(path, ObjectModels.household())
    assert "\n" not in str(error.value)
    assert "PYTHONPATH" in str(error.value)
