import struct
import sys

import numpy as np
import pytest
from perception_scene import HEAD, RED, Scene, look

from vla_sim.common.errors import InputError, MissingError
from vla_sim.stages.perception.onnx_detector import OnnxDetector


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def value_info(name, shape):
    dims = b"".join(block(1, number(1, d)) for d in shape)
    return block(1, name) + block(2, block(1, number(1, 1) + block(2, dims)))


def model(path, rows, names="['cup', 'ball']", channels=3, columns=6):
    """An ONNX file, byte by byte, that answers any image with the same rows (n, columns)."""
    flat = [float(x) for row in rows for x in row]
    shape = (1, len(rows), columns)
    tensor = b"".join(number(1, d) for d in shape) + number(2, 1)
    tensor += block(9, struct.pack(f"<{len(flat)}f", *flat))
    value = block(1, "value") + block(5, tensor) + number(20, 4)
    constant = block(2, "out") + block(4, "Constant") + block(5, value)
    graph = block(1, constant) + block(2, "g")
    graph += block(11, value_info("image", (1, channels, 120, 160))) + block(12, value_info("out", shape))
    meta = block(14, block(1, "names") + block(2, names)) if names else b""
    path.write_bytes(number(1, 8) + block(7, graph) + block(8, number(2, 13)) + meta)
    return path


@pytest.fixture(scope="module")
def scene():
    return Scene().table().add("cylinder", (0.068, 0.068, 0.10), (0.6, 0.1, 0.80, 0), RED)


def box_of_cup(scene):
    """Where the cup is, in pixels of the model's half size input."""
    rgb, _ = scene.render()
    v, u = np.nonzero((rgb[..., 0] > 100) & (rgb[..., 1] < 60))
    return [u.min() / 2, v.min() / 2, u.max() / 2, v.max() / 2]


def test_boxes_of_a_model_become_objects_in_space(tmp_path, scene):
    rows = [[*box_of_cup(scene), 0.9, 0], [0, 0, 5, 5, 0.1, 1], [10, 10, 5, 5, 0.9, 1]]
    detector = OnnxDetector(model(tmp_path / "m.onnx", rows))
    rgb, depth = scene.render(noise=0.006)
    (found,) = detector.detect(rgb, depth, HEAD, look())
    assert (found.kind, found.colour) == ("cup", "red")
    assert np.linalg.norm(found.position - [0.6, 0.1, 0.80]) < 0.008
    assert 0.6 < found.confidence <= 0.9


def test_senseless_boxes_are_left_out(tmp_path, scene):
    nan = float("nan")
    rows = [[nan, 0, 9, 9, 0.9, 0], [-1e9, -1e9, -1e8, -1e8, 0.9, 0], [0, 0, 9, 9, 0.9, 77]]
    rows += [[0, 0, 160, 120, 0.9, 0]]
    detector = OnnxDetector(model(tmp_path / "m.onnx", rows))
    assert detector.detect(*scene.render(), HEAD, look()) == []


def test_a_file_that_is_no_model_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no\.onnx does not exist"):
        OnnxDetector(tmp_path / "no.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"not a model")
    with pytest.raises(InputError, match=r"bad\.onnx cannot be loaded"):
        OnnxDetector(tmp_path / "bad.onnx")


def test_a_model_of_another_form_is_named(tmp_path, scene):
    row = [[0.0] * 6]
    with pytest.raises(InputError, match=r"must be \(1, 3, H, W\)"):
        OnnxDetector(model(tmp_path / "a.onnx", row, channels=1))
    with pytest.raises(InputError, match="no class names"):
        OnnxDetector(model(tmp_path / "b.onnx", row, names=""))
    five = OnnxDetector(model(tmp_path / "c.onnx", [[0.0] * 5], columns=5))
    with pytest.raises(InputError, match=r"must give \(1, n, 6\)"):
        five.detect(*scene.render(), HEAD, look())


def test_without_onnxruntime_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingError, match="pip install onnxruntime"):
        OnnxDetector(model(tmp_path / "m.onnx", [[0.0] * 6]))
