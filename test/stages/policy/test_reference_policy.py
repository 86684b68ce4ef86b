"""The reference policy's weights as they come with the package."""

import time

import numpy as np
import pytest
from policy_senses import senses

from vla_sim.common.errors import InputError
from vla_sim.stages.policy import chunk, mapping
from vla_sim.stages.policy.client import address, connect
from vla_sim.stages.policy.errors import PolicyError
from vla_sim.stages.policy.observation import observe
from vla_sim.stages.policy.reference_policy import Network, ReferencePolicy, shipped
from vla_sim.stages.policy.server import OwnServer

MAPPING = mapping.load("reference")


@pytest.fixture(scope="module")
def network():
    return Network(shipped())


def test_the_shipped_weights_are_small_and_say_what_they_learned_from(network):
    assert shipped().stat().st_size < 3e6
    about = network.session.get_modelmeta().custom_metadata_map
    assert {"words", "things", "recordings", "held_out", "made_by"} <= set(about)


def test_it_answers_a_chunk_that_its_mapping_reads_ten_times_a_second(network):
    policy, sensed = ReferencePolicy(network), senses()
    observation = observe(MAPPING, sensed, "red cup")
    answer = policy.infer(observation)
    assert answer["actions"].shape == (16, 16)
    assert answer["actions"].dtype == np.float32
    found = chunk.read(MAPPING, answer, sensed, network.kinematics.arm)
    assert len(found.times) == 16
    took = []
    for _ in range(20):
        began = time.thread_time()
        policy.infer(observation)
        took.append(time.thread_time() - began)
    assert np.median(took) < 0.1  # of one core


def test_what_it_was_not_taught_it_says(network):
    with pytest.raises(PolicyError, match="names nothing that it was taught, which is: red cup"):
        ReferencePolicy(network).infer(observe(MAPPING, senses(), "green bottle"))


@pytest.mark.parametrize(
    "spoilt",
    [
        {"observation/camera": np.ones(3)}, {"observation/joints": np.zeros(3)},
        {"observation/color": None}, {"observation/depth": np.zeros((4, 4), np.float32)},
    ],
)  # fmt: skip
def test_an_observation_of_another_mapping_is_told_in_one_line(network, spoilt):
    with pytest.raises(PolicyError, match="not of the mapping reference"):
        ReferencePolicy(network).infer(observe(MAPPING, senses(), "red cup") | spoilt)


def test_a_file_that_holds_no_weights_is_told_in_one_line(tmp_path):
    file = tmp_path / "weights.onnx"
    file.write_bytes(b"not a network")
    with pytest.raises(InputError, match="holds no weights of the reference policy") as told:
        Network(file)
    assert "\n" not in str(told.value)


def test_no_file_at_all_is_told_too(tmp_path):
    with pytest.raises(InputError, match="holds no weights"):
        Network(tmp_path / "nowhere.onnx")


def test_a_policy_of_ours_has_its_own_mapping_if_none_is_given():
    assert mapping.chosen("reference", "") == "reference"
    assert mapping.chosen("openpi://127.0.0.1:8000", "") == "scripted"
    assert mapping.chosen("reference", "mine.yaml") == "mine.yaml"


@pytest.mark.integration
def test_a_server_in_a_process_of_its_own_answers_by_openpis_protocol():
    pytest.importorskip("websockets")
    server = OwnServer("reference")
    try:
        client = connect(address(server.start()), MAPPING, 60.0)
        answer = client.infer(observe(MAPPING, senses(), "red cup"))
        client.close()
    finally:
        server.close()
    assert answer["actions"].shape == (16, 16)
