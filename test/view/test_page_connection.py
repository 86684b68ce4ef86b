"""The page's line to its server (`static/connection.js`), in Node, with the browser's parts played."""

import json
import shutil
import subprocess

import pytest

from vla_sim.view import server

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="there is no Node.js here")
BROWSER = """
const seen = [], sockets = [];
let look = null, again = null;
globalThis.document = { hidden: false, addEventListener() {} };
globalThis.location = { href: "http://127.0.0.1:8088/" };
globalThis.setInterval = (call) => (look = call);
globalThis.setTimeout = (call) => (again = call);
globalThis.fetch = async () => ({ ok: true, status: 200, json: async () => ({}) });
globalThis.WebSocket = class {
  static OPEN = 1;
  readyState = 1;
  constructor() { sockets.push(this); }
  send() {}
  close() { this.closed = true; }
};
const { Connection, ask } = await import("data:text/javascript," + encodeURIComponent(SOURCE));
const line = new Connection({
  onOpen: () => seen.push("open"), onLost: (ended) => seen.push(ended ? "ended" : "lost"),
  onSections: (now) => seen.push(now), onPicture() {}, onDenied() {},
});
const word = (text) => sockets.at(-1).onmessage({ data: new TextEncoder().encode(text).buffer });
const looks = (count) => { for (let i = 0; i < count; i++) look(); };
await line.open();
"""


def played(script):
    """What `script` leaves in `seen`."""
    source = json.dumps((server.HERE / "static/connection.js").read_text("utf-8"))
    text = BROWSER.replace("SOURCE", source) + script + "\nconsole.log(JSON.stringify(seen)); process.exit();"
    done = subprocess.run(
        [NODE, "--input-type=module", "-"], input=text, capture_output=True, text=True, timeout=120.0
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_line_on_which_nothing_comes_any_more_is_lost_and_opened_again():
    """A browser does not notice that a network has gone."""
    found = played("""
      looks(4); word('{"clock":1}'); looks(4); word("{}"); looks(4);
      seen.push(sockets.length); looks(1); seen.push(sockets[0].closed, sockets[0].onclose);
      looks(20);
      await again(); word('{"clock":2}'); looks(4); seen.push(sockets.length);
    """)
    assert found == ["open", {"clock": 1}, {}, 1, "lost", True, None, "open", {"clock": 2}, 2]


def test_a_line_that_is_closed_is_lost_or_its_run_has_ended():
    found = played("""
      sockets[0].onclose({ reason: "" }); await again(); sockets[1].onclose({ reason: "ended" });
    """)
    assert found == ["open", "lost", "open", "ended"]


def test_what_is_asked_for_on_a_line_that_is_lost_is_told_in_time():
    found = played("""
      AbortSignal.timeout = (ms) => (seen.push(ms), AbortSignal.abort(new DOMException("", "TimeoutError")));
      globalThis.fetch = async (path, { signal }) => { throw signal.reason; };
      const tell = (error) => seen.push(error.message);
      await ask("stop").catch(tell);
      await ask("do", { do: "reset" }).catch(tell);
      globalThis.fetch = async () => { throw new TypeError("Failed to fetch"); };
      await ask("stop").catch(tell);
    """)
    unknown = "no answer has come: whether it was heard is not known"
    assert found[:5] == ["open", 5000, unknown, 35000, unknown]
    assert found[-1] == "this page does not reach its server: nothing was sent"
