// A recorded run: its time as a slider, play and hold.

const $ = (id) => document.getElementById(id);

export class Replay {
  #dragged = false;

  // act(body): asks the server
  constructor(act) {
    this.act = act;
    $("play").addEventListener("click", () =>
      act({ do: "play", on: $("play").getAttribute("aria-pressed") !== "true" }));
    const time = $("time");
    time.addEventListener("input", () => {
      this.#dragged = true;
      $("at").textContent = Number(time.value).toFixed(1);
    });
    time.addEventListener("change", () => {
      this.#dragged = false;
      act({ do: "seek", to: Number(time.value) });
    });
  }

  // replay: { at_s, length_s, plays, broken }
  show(replay) {
    if ($("replay").hidden) $("replay").querySelector(".row").append($("pace-label"));
    $("replay").hidden = false;
    $("length").textContent = replay.length_s.toFixed(1);
    $("time").max = replay.length_s;
    if (!this.#dragged) {
      $("time").value = replay.at_s;
      $("at").textContent = replay.at_s.toFixed(1);
    }
    $("replay-broken").textContent = replay.broken && `A part is left out: ${replay.broken}.`;
    $("play").setAttribute("aria-pressed", replay.plays);
    $("play").textContent = replay.plays ? "Hold" : "Play";
  }
}
