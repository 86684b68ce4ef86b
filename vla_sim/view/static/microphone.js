// In the browser's audio thread: sound in pieces of 20 ms at 16 kHz, 16 bit.

const PIECE = 320;

class Microphone extends AudioWorkletProcessor {
  #piece = new Int16Array(PIECE);
  #filled = 0;

  process([input]) {
    const channels = input.length;
    const length = channels ? input[0].length : 0;
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (const channel of input) sum += channel[i];
      const value = Math.max(-1, Math.min(1, sum / channels));
      this.#piece[this.#filled++] = Math.round(32767 * value);
      if (this.#filled === PIECE) {
        this.port.postMessage(this.#piece.buffer, [this.#piece.buffer]);
        this.#piece = new Int16Array(PIECE);
        this.#filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("microphone", Microphone);
