"""What people write for an address and a key, and what their machine's settings do to an HTTP client: the
server is asked, or one line says why not, without the key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from installed import needs
from language_world import RULES, plan_of

from vla_sim.common import secrets
from vla_sim.common.errors import InputError
from vla_sim.common.http_client import on_this_machine
from vla_sim.stages.language.dialogue_context import Context
from vla_sim.stages.language.llm.address import base_url
from vla_sim.stages.language.llm.errors import LlmError
from vla_sim.stages.language.llm.llm_planner import LlmPlanner
from vla_sim.stages.language.llm.scripted_llm import ScriptedLlm
from vla_sim.stages.language.params import LlmSettings

pytestmark = pytest.mark.integration

needs("httpx2", "the language model's client (pip install httpx2) is not installed")

AWAY = "http://192.0.2.1:8080/v1"
"""Of a network that does not exist (RFC 5737): no request is ever sent there."""


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("all", "http", "https", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def connect(url):
    with LlmPlanner(RULES, LlmSettings(url)) as planner:
        planner.connect()


def asked(url):
    with LlmPlanner(RULES, LlmSettings(url, timeout=30.0)) as planner:
        return plan_of(planner.plan("go to the kitchen", Context()))


# --------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(("given", "url"), [
    ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
    ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
    ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1"),
    (" localhost:11434\n", "http://localhost:11434/v1"),
    ("localhost", "http://localhost/v1"),
    ("box:8000/v1/", "http://box:8000/v1"),
    ("[::1]:8000", "http://[::1]:8000/v1"),
    ("api.openai.com", "https://api.openai.com/v1"),
    ("HTTPS://api.openai.com/v1/chat/completions", "https://api.openai.com/v1"),
    ("10.0.0.7", "http://10.0.0.7/v1"),
    ("https://host/openai/", "https://host/openai"),
    ("http://me:secret@host/v1", "http://me:secret@host/v1"),
])  # fmt: skip
def test_an_address_is_understood_as_people_write_it(given, url):
    assert base_url(given) == url
    assert base_url(url) == url


@pytest.mark.parametrize(("given", "why"), [
    ("http://[::1/v1", "Invalid IPv6 URL"), ("", "no host is named"), ("http://", "no host is named"),
    ("http:///v1", "no host is named"), ("ftp://host/v1", "its scheme is ftp"),
    ("http://host:99999/v1", "Port out of range"), ("http://host:port/v1", "Port could not be cast"),
    ("http://my host/v1", "a blank or a control character"), ("http://h\x1b2J/v1", "a control character"),
    ("http://host/v1?key=1", "? or #"), ("http://host/v1#x", "? or #"),
])  # fmt: skip
def test_what_is_no_address_is_told_in_one_line(given, why):
    with pytest.raises(InputError) as error:
        connect(given)
    line = str(error.value)
    assert "is no address of a model's server (" in line
    assert why in line
    assert line.isprintable()


@given(st.text() | st.text(st.sampled_from("http://[]:.@?#%1a \\")))
def test_no_address_is_more_than_one_line(text):
    try:
        on_this_machine(base_url(text))
    except InputError:
        return


@pytest.mark.parametrize(("url", "here"), [
    ("http://127.0.0.1:1/v1", True), ("http://127.8.8.8/v1", True), ("http://[::1]:1/v1", True),
    ("http://LOCALHOST/v1", True), ("http://model.localhost/v1", True), ("http://0.0.0.0:1/v1", True),
    ("http://localhost.evil.org/v1", False), ("http://10.0.0.1/v1", False),
    ("http://127.0.0.1@evil.org/v1", False),
])  # fmt: skip
def test_what_never_leaves_this_machine_is_known(url, here):
    assert on_this_machine(url) == here


# --------------------------------------------------------------------------- proxies

UNUSABLE = [
    "socks4://127.0.0.1:9", "socks5h://u:geheim@127.0.0.1:9", "socks://127.0.0.1:9", "ftp://127.0.0.1:9",
    "http://[::1", "http://127.0.0.1:port", "nonsense://", "\x1b[2J",
]  # fmt: skip
USABLE = ["http://127.0.0.1:9", "127.0.0.1:9", "http://u:geheim@127.0.0.1:9", "https://127.0.0.1:9"]
"""But that nobody listens there."""


@pytest.mark.parametrize("proxy", UNUSABLE + USABLE)
@pytest.mark.parametrize("name", ["ALL_PROXY", "http_proxy", "HTTPS_PROXY"])
def test_no_proxy_is_asked_for_this_machine(name, proxy, monkeypatch):
    monkeypatch.setenv(name, proxy)
    with ScriptedLlm() as server:
        assert asked(server.base_url) == ["navigate kitchen"]


@pytest.mark.parametrize("proxy", UNUSABLE)
def test_a_proxy_that_cannot_be_used_is_named_in_one_line(proxy, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(InputError, match="no HTTP client can be made with the proxies all_proxy=") as error:
        connect(AWAY)
    assert "geheim" not in str(error.value)
    assert str(error.value).isprintable()
    assert ("pip install socksio" in str(error.value)) == proxy.startswith("socks5")


@pytest.mark.parametrize("proxy", USABLE)
def test_a_proxy_that_does_not_answer_is_one_line(proxy, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(LlmError, match="ConnectError: ") as error:
        asked(AWAY)
    assert "geheim" not in str(error.value)


# --------------------------------------------------------------------------- certificates


@pytest.fixture(params=["missing file", "no certificate", "missing folder", "key log"])
def broken(request, monkeypatch, tmp_path):
    """A variable that is set to something that cannot be used."""
    gone, bad = tmp_path / "gone", tmp_path / "bad.pem"
    bad.write_text("this is no certificate")
    name, value = {
        "missing file": ("SSL_CERT_FILE", gone), "no certificate": ("SSL_CERT_FILE", bad),
        "missing folder": ("SSL_CERT_DIR", gone), "key log": ("SSLKEYLOGFILE", gone / "keys"),
    }[request.param]  # fmt: skip
    if name == "SSLKEYLOGFILE":
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))  # only then does the client look at it
    monkeypatch.setenv(name, str(value))
    return name


def test_certificates_have_no_say_where_none_are_needed(broken):
    with ScriptedLlm() as server:
        assert asked(server.base_url) == ["navigate kitchen"]


def test_certificates_that_cannot_be_read_are_named_in_one_line(broken):
    for url in ("https://localhost:9/v1", AWAY):
        with pytest.raises(InputError, match=rf"correct or unset .*{broken}=") as error:
            connect(url)
        assert str(error.value).isprintable()


def test_a_server_without_tls_is_one_line():
    with ScriptedLlm() as server, pytest.raises(LlmError, match=r"ConnectError: .*SSL"):
        asked(server.base_url.replace("http:", "https:"))


# --------------------------------------------------------------------------- keys


class Echo(ScriptedLlm):
    """Answers with an error that repeats the key."""

    def _answer(self, http):
        http.rfile.read(int(http.headers["Content-Length"]))
        http.send_response(401)
        http.end_headers()
        http.wfile.write(f"wrong key: {http.headers['Authorization']}".encode())


@pytest.mark.parametrize("key", [" geheim-12345\n", "\tgeheim-12345", ""])
def test_blanks_around_a_key_are_dropped_and_a_key_that_comes_back_is_struck_out(key, monkeypatch):
    monkeypatch.setattr(secrets, "_kept", set())
    monkeypatch.setenv("HAUS", key)
    with (
        Echo() as server,
        LlmPlanner(RULES, LlmSettings(server.base_url, api_key_env="HAUS", timeout=30.0)) as planner,
        pytest.raises(LlmError) as error,
    ):
        planner.plan("go to the kitchen", Context())
    assert str(error.value).endswith("wrong key: Bearer ***" if key else "wrong key: None")


@pytest.mark.parametrize(
    ("key", "place"),
    [("sk-te\rst", 6), ("sk-täst", 5), ("“sk-test”", 1), ("'sk-test'", 1), ("Bearer sk-test", 7)],
)
def test_a_key_that_cannot_be_one_is_told_without_it(key, place, monkeypatch):
    monkeypatch.setattr(secrets, "_kept", set())
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(InputError) as error:
        connect("localhost")
    assert f"the key in OPENAI_API_KEY has a character that no key has, at place {place} of" in str(
        error.value
    )
    assert "sk-" not in str(error.value)
