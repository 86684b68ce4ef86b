// The page's line to its server: one websocket for what is shown, which comes again by itself when it is lost,
// and a request for each thing that is asked for.

const RETRY = [250, 500, 1000, 2000]; // [ms] between attempts
const LOOK = 1000; // [ms] between two looks at whether the server speaks, which it does once a second
const SILENT = 5; // looks without a word after which the line is lost: no browser tells when a network has gone
const STOP_TIMEOUT = 5000; // [ms] for a stop, which the server does not wait with, to be answered
const TIMEOUT = 35000; // [ms] for all else: the server gives up a little earlier, and says so

export class Connection {
  #socket = null;
  #attempt = 0;
  #silent = 0; // looks, not time: a browser that was busy has not looked
  #wish = { looks: true, pictures: false };

  // onOpen(about), onSections({name: value}), onPicture(about, jpeg), onLost(ended), onDenied()
  constructor(handlers) {
    this.handlers = handlers;
    document.addEventListener("visibilitychange", () => this.wish({ looks: !document.hidden }));
    setInterval(() => this.#look(), LOOK);
  }

  // What is to be seen: nothing is sent, or even listened to, for what is not.
  wish(change) {
    this.#wish = { ...this.#wish, ...change };
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(this.#wish));
  }

  async open() {
    let about = null;
    try {
      const answer = await fetch("about", { cache: "no-store", signal: AbortSignal.timeout(LOOK * SILENT) });
      if (answer.status === 401) return this.handlers.onDenied();
      about = answer.ok ? await answer.json() : null;
    } catch { /* the server is not there */ }
    if (about === null) return this.#again();
    this.handlers.onOpen(about);
    const at = new URL("state", location.href);
    at.protocol = at.protocol.replace("http", "ws");
    const socket = (this.#socket = new WebSocket(at));
    this.#silent = 0;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#attempt = 0;
      this.wish({ looks: !document.hidden });
    };
    socket.onmessage = (message) => this.#take(message.data);
    socket.onclose = (event) => this.#again(event.reason === "ended");
  }

  #look() {
    const socket = this.#socket;
    if (!socket || ++this.#silent < SILENT) return;
    socket.onopen = socket.onmessage = socket.onclose = null; // its end may come minutes later
    socket.close();
    this.#again();
  }

  #take(data) {
    this.#silent = 0;
    const bytes = new Uint8Array(data);
    if (bytes[0] !== 0) return this.handlers.onSections(JSON.parse(new TextDecoder().decode(bytes)));
    const size = new DataView(data).getUint32(1, true);
    const about = JSON.parse(new TextDecoder().decode(bytes.subarray(5, 5 + size)));
    this.handlers.onPicture(about, new Blob([bytes.subarray(5 + size)], { type: "image/jpeg" }));
  }

  #again(ended = false) {
    this.#socket = null;
    this.handlers.onLost(ended);
    setTimeout(() => this.open(), RETRY[Math.min(this.#attempt++, RETRY.length - 1)]);
  }
}

// Ask for something; the answer in words. Throws an Error with why it was refused.
export async function ask(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST", body: body === undefined ? "" : JSON.stringify(body), keepalive: true,
      headers: { "Content-Type": "application/json" },
      signal: AbortSignal.timeout(path === "stop" ? STOP_TIMEOUT : TIMEOUT),
    });
  } catch (error) {
    throw new Error(error.name === "TimeoutError" ? "no answer has come: whether it was heard is not known"
      : "this page does not reach its server: nothing was sent");
  }
  const text = await answer.text();
  let said = text.trim();
  try {
    said = JSON.parse(text).text;
  } catch { /* a line of plain text */ }
  if (!answer.ok) throw new Error(said);
  return said;
}

export async function showToken(token) {
  const answer = await fetch("login", { method: "POST", body: token });
  return answer.ok;
}
