// Where from one looks at the scene: the camera of viser's client in a frame (iframe) of the same origin.
//
//   const camera = new SceneCamera(document.querySelector("iframe"));
//   camera.mode = "follow";      // or "top", "eye" (the head camera's), "free"
//
// It belongs to this viewer alone: nothing is asked of the server. viser's client shows its parts as
// `__viserMutable` on its window; without them (another version) the camera is free, and nothing breaks. Its world
// has y up; the map's x is its -z, the map's y its -x.

export const MODES = ["follow", "top", "eye", "free"];

const ROBOT = "/robot";
const CORNERS = ["/extent/low", "/extent/high"]; // of the map
const EYE = /^\/robot\/.*\/eye$/;
const STILL = 0.002; // [m] that the robot may move before the camera does
const LAG = 0.25; // [s] in which the camera is two thirds of the way to the robot, so that no step shakes it
// [m] of the camera from the robot, in its own axes: so high that a wall of 1.6 m hides only who stands at it.
const FIRST = { ahead: -1.5, left: -1.3, above: 2.3 };

export class SceneCamera {
  #frame;
  #mode = "follow";
  #begun = false; // whether the mode's first look has been taken
  #at = null; // where the robot was at the camera's last move: x, y, z of the client's world
  #time = 0;

  constructor(frame) {
    this.#frame = frame;
    requestAnimationFrame((now) => this.#step(now));
  }

  get mode() {
    return this.#mode;
  }

  set mode(mode) {
    if (!MODES.includes(mode)) throw new Error(`no camera ${mode}: give one of ${MODES.join(", ")}`);
    this.#mode = mode;
    this.#begun = false;
  }

  #step(now) {
    const seconds = Math.min((now - this.#time) / 1000, 1);
    this.#time = now;
    const client = this.#frame.contentWindow?.__viserMutable;
    if (client?.cameraControl) {
      hideControls(this.#frame.contentDocument);
      this.#begun = this[`_${this.#mode}`](client, client.cameraControl, seconds) || this.#begun;
    }
    requestAnimationFrame((then) => this.#step(then));
  }

  // Where the viewer puts it.
  _free() {
    return true;
  }

  // Moves with the robot; how the viewer has turned and zoomed stays.
  _follow(client, control, seconds) {
    const robot = worldMatrix(client.nodeRefFromName[ROBOT]);
    if (!robot) return false;
    const here = robot.slice(12, 15);
    if (!this.#begun) {
      this.#at = here;
      const [ahead, left] = [level(robot.slice(0, 3)), level(robot.slice(4, 7))];
      const eye = here.map((v, i) => v + FIRST.ahead * ahead[i] + FIRST.left * left[i]);
      control.setLookAt(eye[0], eye[1] + FIRST.above, eye[2], ...here, false);
      return true;
    }
    const off = here.map((v, i) => v - this.#at[i]);
    if (Math.hypot(...off) < STILL) return true;
    const share = 1 - Math.exp(-seconds / LAG);
    const step = off.map((v) => v * share);
    this.#at = this.#at.map((v, i) => v + step[i]);
    const eye = point(control, "getPosition").map((v, i) => v + step[i]);
    const target = point(control, "getTarget").map((v, i) => v + step[i]);
    control.setLookAt(...eye, ...target, false);
    return true;
  }

  // From above, so that the whole map is in the picture; then the viewer may move.
  _top(client, control) {
    if (this.#begun) return true;
    const [low, high] = CORNERS.map((name) => worldMatrix(client.nodeRefFromName[name])?.slice(12, 15));
    if (!low || !high) return false;
    const middle = low.map((v, i) => (v + high[i]) / 2);
    const half = low.map((v, i) => Math.abs(high[i] - v) / 2);
    const tan = Math.tan((client.camera.fov * Math.PI) / 360);
    const height = 1.05 * Math.max(half[0] / tan, half[2] / (tan * client.camera.aspect)) + half[1];
    // A hair from the map's south, which is the picture's foot: straight down, no direction would be its top.
    control.setLookAt(middle[0] + 0.001 * height, middle[1] + height, middle[2], ...middle, false);
    return true;
  }

  // Through the head camera: its frame is x right, y down, z forward.
  _eye(client, control) {
    const name = Object.keys(client.nodeRefFromName).find((one) => EYE.test(one));
    const eye = worldMatrix(name && client.nodeRefFromName[name]);
    if (!eye) return false;
    const here = eye.slice(12, 15);
    control.setLookAt(...here, ...here.map((v, i) => v + eye[8 + i]), false);
    return true;
  }
}

// Its own panel and logo: the page around it has the controls.
function hideControls(page) {
  if (!page || page.getElementById("scene-only")) return;
  const style = page.createElement("style");
  style.id = "scene-only";
  style.textContent = "body * { visibility: hidden } canvas { visibility: visible !important }";
  page.head.append(style);
}

function worldMatrix(node) {
  if (!node || !node.visible) return null;
  node.updateWorldMatrix(true, false);
  return Array.from(node.matrixWorld.elements);
}

function point(control, get) {
  const found = control[get](control.camera.position.clone());
  return [found.x, found.y, found.z];
}

// A direction without its part along y, of length one.
function level([x, , z]) {
  const length = Math.hypot(x, z) || 1;
  return [x / length, 0, z / length];
}
