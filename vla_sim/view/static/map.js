// The map from above, in metres, y up: walls, costmap, path, scan, robot, people, goal.

const COLOURS = ["--wall", "--blue", "--green", "--amber", "--red", "--ink", "--soft", "--faint", "--card"];
const MARGIN = 6; // [px]
const LINE = 12; // [px] of a name

export class Map2D {
  #canvas;
  #world = null;
  #walls = null;
  #cost = null;
  #costed = "";
  #parts = {};
  #due = false;
  truth = true;

  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#paintWalls();
      this.#draw();
    });
  }

  async world(world) {
    this.#world = world;
    this.#image = await picture(world.map.png);
    this.#canvas.parentElement.style.aspectRatio =
      `${world.map.x1 - world.map.x0} / ${world.map.y1 - world.map.y0}`;
    this.#paintWalls();
    this.#draw();
  }

  #image = null;

  #paintWalls() {
    const [r, g, b] = rgb(style("--wall"));
    if (this.#image) this.#walls = tinted(this.#image, (v) => [r, g, b, v ? 255 : 0]);
  }

  async take(sections) {
    Object.assign(this.#parts, sections);
    const cost = sections.costmap;
    if (cost && cost.png !== this.#costed) {
      this.#costed = cost.png;
      this.#cost = cost.png ? tinted(await picture(cost.png), heat) : null;
    }
    if (!this.#due) {
      this.#due = true;
      requestAnimationFrame(() => this.#draw());
    }
  }

  #draw() {
    this.#due = false;
    const canvas = this.#canvas;
    const world = this.#world;
    if (!world) return;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const { x0, y0, x1, y1 } = world.map;
    const scale = Math.min((width - 2 * MARGIN) / (x1 - x0), (height - 2 * MARGIN) / (y1 - y0));
    const left = (width - scale * (x1 - x0)) / 2;
    const top = (height - scale * (y1 - y0)) / 2;
    const X = (x) => left + scale * (x - x0);
    const Y = (y) => top + scale * (y1 - y);
    const c = canvas.getContext("2d");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    const colour = Object.fromEntries(COLOURS.map((name) => [name.slice(2), style(name)]));
    c.imageSmoothingEnabled = false;
    const cost = this.#parts.costmap;
    if (this.#cost && cost?.png) {
      c.drawImage(this.#cost, X(cost.x0), Y(cost.y1), scale * (cost.x1 - cost.x0), scale * (cost.y1 - cost.y0));
    }
    c.fillStyle = colour.red;
    c.globalAlpha = 0.18;
    for (const [a, b, d, e] of world.forbidden) c.fillRect(X(a), Y(e), scale * (d - a), scale * (e - b));
    c.globalAlpha = 1;
    if (this.#walls) c.drawImage(this.#walls, X(x0), Y(y1), scale * (x1 - x0), scale * (y1 - y0));
    this.#scan(c, X, Y, colour);
    this.#path(c, X, Y, colour);
    this.#places(c, X, Y, width, colour);
    this.#things(c, X, Y, scale, colour);
    this.#robot(c, X, Y, scale, colour);
  }

  // Names on a halo, each below the one that it would cover.
  #places(c, X, Y, width, colour) {
    c.font = "11px system-ui, sans-serif";
    c.textAlign = "center";
    c.fillStyle = colour.ink;
    c.strokeStyle = colour.faint;
    c.lineWidth = 3;
    const taken = [];
    for (const { name, x, y } of this.#world.places) {
      const half = c.measureText(name).width / 2 + 2;
      const u = Math.min(Math.max(X(x), half), width - half);
      let v = Y(y) + 4;
      while (taken.some(([at, far, low]) => Math.abs(u - at) < half + far && Math.abs(v - low) < LINE)) v += LINE;
      taken.push([u, half, v]);
      c.strokeText(name, u, v);
      c.fillText(name, u, v);
    }
  }

  #scan(c, X, Y, colour) {
    const cm = this.#parts.scan?.cm ?? [];
    c.fillStyle = colour.red;
    for (let i = 0; i < cm.length; i += 2) c.fillRect(X(cm[i] / 100) - 1, Y(cm[i + 1] / 100) - 1, 2, 2);
  }

  #path(c, X, Y, colour) {
    const cm = this.#parts.path?.cm ?? [];
    c.strokeStyle = colour.blue;
    c.lineWidth = 3;
    c.beginPath();
    for (let i = 0; i < cm.length; i += 2) c.lineTo(X(cm[i] / 100), Y(cm[i + 1] / 100));
    c.stroke();
    const goal = this.#parts.robot?.goal;
    if (goal) arrow(c, X(goal[0]), Y(goal[1]), goal[2], 12, colour.blue, false);
  }

  #things(c, X, Y, scale, colour) {
    const { detected = [], objects = [], people = [] } = this.#parts.things ?? {};
    c.font = "11px system-ui, sans-serif";
    c.textAlign = "left";
    if (this.truth) {
      c.strokeStyle = colour.soft;
      c.lineWidth = 1;
      for (const [, x, y] of objects) c.strokeRect(X(x) - 4, Y(y) - 4, 8, 8);
      for (const [name, x, y] of people) {
        c.fillStyle = colour.amber;
        disc(c, X(x), Y(y), Math.max(5, 0.25 * scale));
        c.fillStyle = colour.ink;
        c.fillText(name.replaceAll("_", " "), X(x) + 8, Y(y) - 6);
      }
    }
    for (const one of detected) {
      c.fillStyle = colour.green;
      disc(c, X(one.x), Y(one.y), 4);
      c.fillStyle = colour.ink;
      c.fillText(one.name, X(one.x) + 7, Y(one.y) + 4);
    }
  }

  #robot(c, X, Y, scale, colour) {
    const { base, truth } = this.#parts.robot ?? {};
    if (this.truth && truth) arrow(c, X(truth[0]), Y(truth[1]), truth[2], 0.32 * scale, colour.soft, false);
    if (base) arrow(c, X(base[0]), Y(base[1]), base[2], Math.max(9, 0.3 * scale), colour.blue, true);
  }
}

function disc(c, x, y, radius) {
  c.beginPath();
  c.arc(x, y, radius, 0, 2 * Math.PI);
  c.fill();
}

// A triangle that looks where `yaw` [rad] points; radius [px].
function arrow(c, x, y, yaw, radius, colour, filled) {
  c.beginPath();
  for (const [turn, far] of [[0, 1.15], [2.5, 0.9], [Math.PI, 0.35], [-2.5, 0.9]]) {
    c.lineTo(x + far * radius * Math.cos(yaw + turn), y - far * radius * Math.sin(yaw + turn));
  }
  c.closePath();
  c.lineWidth = 2;
  c.strokeStyle = c.fillStyle = colour;
  if (filled) c.fill();
  c.stroke();
}

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const heat = (v) => (v > 100 || v === 0 ? [0, 0, 0, 0] : [214, 92, 24, Math.round(1.5 * v)]);

async function picture(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

// A picture of one byte a cell, each value in the colour [r, g, b, alpha] that `of` gives it.
function tinted(image, of) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  const c = canvas.getContext("2d");
  c.drawImage(image, 0, 0);
  const pixels = c.getImageData(0, 0, image.width, image.height);
  for (let i = 0; i < pixels.data.length; i += 4) pixels.data.set(of(pixels.data[i]), i);
  c.putImageData(pixels, 0, 0);
  return canvas;
}
