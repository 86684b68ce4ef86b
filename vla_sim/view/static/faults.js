// What can be broken on purpose, and what is.

import { element } from "./panels.js";

const $ = (id) => document.getElementById(id);

export class Faults {
  #kinds = new Map();

  // act(body): asks the server
  constructor(act) {
    this.act = act;
    $("fault-kind").addEventListener("change", () => this.#choose());
    $("fault").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
  }

  offer(kinds, nodes) {
    this.#kinds = new Map(kinds.map((kind) => [kind.name, kind]));
    $("fault-kind").replaceChildren(...kinds.map((kind) => option(kind.name, kind.name.replaceAll("_", " "))));
    this.#choose();
  }

  #choose() {
    const kind = this.#kinds.get($("fault-kind").value);
    if (!kind) return;
    const targets = kind.targets.map((name) => option(name, name));
    $("fault-target").replaceChildren(...targets);
    $("fault-target-label").hidden = !targets.length;
    $("fault-at").replaceChildren(...(kind.two ? kind.targets : []).map((name) => option(name, name)));
    if (kind.two) $("fault-at").selectedIndex = 1;
    $("fault-at-label").hidden = !kind.two;
    $("fault-amount-label").hidden = !kind.amount;
    $("fault-unit").textContent = `Amount [${kind.amount}]`;
    $("fault-amount").value = kind.usual;
    $("fault-seconds-label").hidden = !kind.lasts;
    $("fault-does").textContent = kind.does;
  }

  #begin() {
    const kind = this.#kinds.get($("fault-kind").value);
    this.act({ do: "fault", fault: {
      fault_id: `page-${Date.now()}`, kind: kind.name, target: kind.targets.length ? $("fault-target").value : "",
      at: kind.two ? $("fault-at").value : "", seconds: kind.lasts ? Number($("fault-seconds").value) : 0,
      amount: kind.amount ? Number($("fault-amount").value) : null,
    } });
  }

  show(now) {
    $("faults").replaceChildren(...now.map((fault) => element("li", {}, element("span", {}, fault.text),
      element("button", { type: "button", onclick: () => this.act({ do: "mend", fault_id: fault.id }) }, "Mend"))));
  }
}

const option = (value, text) => element("option", { value }, text);
