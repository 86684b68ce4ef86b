// Speaking to the robot: what this browser's microphone hears goes into the robot's ears while the button is
// pressed in, and a little longer, since a sentence ends with its silence.

const RATE = 16000; // [Hz]
const AFTER = 1500; // [ms] of sound after the button

export class Speech {
  #parts = null;
  #ending = null;
  #beginning = false; // while the browser asks whether it may

  // onChange(on, note)
  constructor(onChange) {
    this.onChange = onChange;
  }

  get on() {
    return this.#parts !== null && this.#ending === null;
  }

  async begin() {
    clearTimeout(this.#ending);
    this.#ending = null;
    if (this.#parts) return this.onChange(true, "Listening.");
    if (!navigator.mediaDevices?.getUserMedia) {
      return this.onChange(false, "A browser gives its microphone to pages of this machine and of https alone: "
        + "forward the port (ssh -L) and open localhost.");
    }
    if (this.#beginning) return; // a second line would be left open
    this.#beginning = true;
    let stream = null;
    let context = null;
    try {
      // What takes time comes first: what is said from the moment on at which the browser hears counts.
      context = new AudioContext({ sampleRate: RATE });
      await Promise.all([context.audioWorklet.addModule("microphone.js"), context.resume()]);
      stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: true, noiseSuppression: false, autoGainControl: true },
      });
      const at = new URL("audio", location.href);
      at.protocol = at.protocol.replace("http", "ws");
      const socket = new WebSocket(at);
      const waiting = [];
      const worklet = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0 });
      worklet.port.onmessage = ({ data }) => {
        if (socket.readyState === WebSocket.CONNECTING) waiting.push(data);
        else if (socket.readyState === WebSocket.OPEN) socket.send(data);
      };
      socket.onopen = () => waiting.splice(0).forEach((data) => socket.send(data));
      socket.onclose = () => this.#close("The microphone's line was lost.");
      context.createMediaStreamSource(stream).connect(worklet);
      this.#parts = { stream, context, socket };
      this.onChange(true, "Listening.");
    } catch (error) {
      stream?.getTracks().forEach((track) => track.stop());
      context?.close();
      this.onChange(false, error.name === "NotAllowedError"
        ? "This browser does not let the page use the microphone." : `No microphone: ${error.message}`);
    } finally {
      this.#beginning = false;
    }
  }

  end() {
    if (!this.on) return;
    this.#ending = setTimeout(() => this.#close(""), AFTER);
    this.onChange(false, "Hearing the end of it.");
  }

  #close(note) {
    if (!this.#parts) return;
    const { stream, context, socket } = this.#parts;
    this.#parts = this.#ending = null;
    socket.onclose = null;
    socket.close();
    stream.getTracks().forEach((track) => track.stop());
    context.close();
    this.onChange(false, note);
  }
}
