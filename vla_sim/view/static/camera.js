// The head camera's picture with what was detected in it.

const $ = (id) => document.getElementById(id);
const FADED = 1.0; // [s] since an object was seen last, after which its box is dashed

export async function showPicture(about, jpeg) {
  const image = await createImageBitmap(jpeg);
  const canvas = $("picture");
  if (canvas.width !== about.width || canvas.height !== about.height) {
    [canvas.width, canvas.height] = [about.width, about.height];
  }
  const c = canvas.getContext("2d");
  c.drawImage(image, 0, 0, about.width, about.height);
  image.close();
  $("picture-empty").hidden = true;
  const names = about.boxes.map((box) => `${box.label} ${Math.round(100 * box.confidence)} %`);
  $("picture-note").textContent = `${about.stamp_s.toFixed(1)} s, ${about.width} × ${about.height} px`
    + (names.length ? `; ${names.join(", ")}` : "; nothing detected in it");
  if (!$("boxes").checked) return;
  const unit = about.width / 320;
  c.font = `600 ${9 * unit}px system-ui, sans-serif`;
  c.lineWidth = 1.5 * unit;
  about.boxes.forEach((box, i) => {
    c.setLineDash(box.age > FADED ? [4 * unit, 3 * unit] : []);
    c.strokeStyle = "#ffd23f";
    c.strokeRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    const width = c.measureText(names[i]).width + 6 * unit;
    const x = Math.min(box.left, about.width - width);
    const y = Math.max(0, box.top - 12 * unit);
    c.fillStyle = "#ffd23f";
    c.fillRect(x, y, width, 12 * unit);
    c.fillStyle = "#1a1a1a";
    c.fillText(names[i], x + 3 * unit, y + 9 * unit);
  });
}
