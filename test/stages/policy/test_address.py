"""Where a policy's server is, as people write it."""

import pytest

from vla_sim.common.errors import InputError
from vla_sim.stages.policy.client import Address, address


def test_a_server_is_named_by_protocol_host_and_port():
    assert address("openpi://127.0.0.1:8000") == Address("openpi", "127.0.0.1", 8000)
    assert str(address("openpi://[::1]:8000")) == "openpi://[::1]:8000"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("127.0.0.1:8000", "protocol"), ("http://a:1", "protocol is http"),
        ("openpi://", "a host and a port"), ("openpi://a", "a host and a port"),
        ("openpi://a:1/b", "nothing else"), ("openpi://a:99999", "ort"),
        ("openp://a:1", "did you mean openpi"), ("openpi://[a:1", ""),
    ],
)  # fmt: skip
def test_what_is_no_address_is_told_in_one_line(given, why):
    with pytest.raises(
        InputError, match=r"give one like openpi://127\.0\.0\.1:8000, or reference, or scripted"
    ) as caught:
        address(given)
    assert why in str(caught.value)
