"""A detector behind HTTP, as perception asks it: a picture and names come, boxes with names go back.

Put your model into `find`. What stands there instead finds a name by the colour that is written down for it,
so that the example runs on any machine.

    python3 server.py 8765
"""

import base64
import io
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from PIL import Image

COLOURS = {"stapler": (255, 140, 0)}


def find(picture, names):
    """The detections of a picture (h, w, 3) uint8 for these names."""
    for name in COLOURS.keys() & set(names):
        hue = picture / np.maximum(picture.max(axis=2, keepdims=True), 40.0)
        rows, columns = np.nonzero(np.abs(hue - np.array(COLOURS[name]) / 255.0).max(axis=2) < 0.15)
        if rows.size > 50:
            box = [int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())]
            yield {"name": name, "score": 0.9, "box": box}


class Detector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(asked["image"]))))
        answer = json.dumps({"detections": list(find(picture, asked["names"]))}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Detector).serve_forever()
