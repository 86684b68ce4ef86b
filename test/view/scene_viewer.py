"""A viewer without a browser: speaks the protocol of viser's client, and keeps what it was sent."""

import itertools
import socket

import msgspec
import viser
import zstandard
from viser import _messages
from websockets.sync.client import connect

CAMERA = _messages.ViewerCameraMessage(
    wxyz=(1.0, 0.0, 0.0, 0.0), position=(3.0, 0.0, 1.0), fov=0.8, near=0.1, far=100.0, image_height=400,
    image_width=600, look_at=(0.0, 0.0, 0.0), up_direction=(0.0, 0.0, 1.0),
)  # fmt: skip
MARK = "/mark"
"""A node that is moved after all else: who has heard of that has heard all that was sent before."""
COUNT = itertools.count(1)
SECONDS = 60.0


def connected(port, host="127.0.0.1", origin=None):
    """A websocket that speaks the protocol. host: as which the browser knows this machine; origin: of the
    page that asks."""
    return connect(
        f"ws://{host}:{port}", sock=socket.create_connection(("127.0.0.1", port)), origin=origin,
        subprotocols=[f"viser-v{viser.__version__}"], compression=None, max_size=None,
    )  # fmt: skip


class Viewer:
    """nodes: name to its newest "wxyz", "position" and "visible", and the other properties that were updated;
    messages: how many there have been."""

    def __init__(self, port):
        self.nodes = {}
        self.messages = 0
        self._socket = connected(port)
        self._socket.send(msgspec.msgpack.encode({"type": "ViewerCameraMessage", **vars(CAMERA)}))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def take(self, scene):
        """Everything that the scene has sent so far. How many messages it was."""
        before = self.messages
        mark = float(next(COUNT))
        scene._server.scene.add_frame(MARK, position=(mark, 0.0, 0.0))
        while self.nodes.get(MARK, {}).get("position", [0.0])[0] != mark:
            self._read(self._socket.recv(timeout=SECONDS))
        return self.messages - before

    def _read(self, data):
        packed = int.from_bytes(data[8:16], "little")
        inner = zstandard.ZstdDecompressor().decompress(data[16 : 16 + packed])
        for message in msgspec.msgpack.decode(inner)["messages"]:
            self._one(message)

    def _one(self, message):
        kind, name = message["type"], message.get("name", "")
        if not name:
            return
        self.messages += name != MARK
        if kind == "RemoveSceneNodeMessage":
            self.nodes.pop(name)
        elif kind == "SetPositionMessage":
            self.nodes[name]["position"] = message["position"]
        elif kind == "SetOrientationMessage":
            self.nodes[name]["wxyz"] = message["wxyz"]
        elif kind == "SetSceneNodeVisibilityMessage":
            self.nodes[name]["visible"] = message["visible"]
        elif kind == "SceneNodeUpdateMessage":
            self.nodes[name].update(message["updates"])
        else:
            self.nodes[name] = {"kind": kind, "visible": True, **message["props"]}
