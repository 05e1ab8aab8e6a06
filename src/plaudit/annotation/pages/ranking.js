"use strict";
// Putting responses in order: by typing letters, by pressing them, by dragging, by arrow keys.
function startRanking(list, changed, announce) {
  const chips = [...list.querySelectorAll("[data-chip]")];
  const tray = document.createElement("ul");
  const number = chips.length;
  let tieNext = false;
  tray.className = "tray";
  tray.setAttribute("aria-label", "Not placed yet");
  list.setAttribute("aria-label", "Order, the best first");
  list.after(tray);

  const letter = (chip) => chip.dataset.chip;
  const placed = () => [...list.children];
  const tied = (chip) => chip.dataset.tied === "yes" && chip !== list.firstElementChild;

  function ranks() {
    let rank = -1;
    return Object.fromEntries(placed().map((chip) => {
      if (!tied(chip)) rank += 1;
      return [letter(chip), rank];
    }));
  }

  function button(words, name, act, kind) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = words;
    made.className = kind;
    made.setAttribute("aria-label", name);
    made.addEventListener("click", act);
    return made;
  }

  function show() {
    const found = ranks();
    chips.forEach((chip) => {
      const name = letter(chip);
      const here = chip.parentElement === list;
      const place = here ? `rank ${found[name] + 1}${tied(chip) ? ", as good as the one above" : ""}` : "not placed yet";
      chip.querySelector(".grip").setAttribute("aria-label", `Response ${name}, ${place}`);
      chip.querySelector(".rank").textContent = here ? String(found[name] + 1) : "";
      chip.querySelector(".tie").setAttribute("aria-pressed", String(tied(chip)));
      chip.querySelector(".tie").hidden = chip === list.firstElementChild;
      chip.querySelector(".tools").hidden = !here;
      chip.querySelector("select").value = here ? String(found[name]) : "";
    });
    list.dataset.empty = String(!list.children.length);
    tray.hidden = !tray.children.length;
  }

  function settle(chip, words) {
    if (tray.children.length === 1 && list.children.length === number - 1) list.append(tray.firstElementChild);
    show();
    changed();
    if (chip && words) announce(words);
  }

  function place(chip) {
    if (chip.parentElement === list) { chip.querySelector(".grip").focus(); return; }
    chip.dataset.tied = tieNext && list.children.length ? "yes" : "no";
    tieNext = false;
    list.append(chip);
    settle(chip, `${letter(chip)} is ${list.children.length} of ${number}`);
  }

  function move(chip, by) {
    const order = placed();
    const to = order.indexOf(chip) + by;
    if (chip.parentElement !== list || to < 0 || to >= order.length) return;
    if (by < 0) order[to].before(chip); else order[to].after(chip);
    settle(chip, `${letter(chip)} is ${to + 1} of ${order.length}`);
    chip.querySelector(".grip").focus();
  }

  function tie(chip) {
    if (chip === list.firstElementChild) return;
    chip.dataset.tied = tied(chip) ? "no" : "yes";
    settle(chip, tied(chip) ? `${letter(chip)} is as good as the one above` : `${letter(chip)} is below the one above`);
  }

  function takeBack() {
    const last = list.lastElementChild;
    if (!last) return;
    tray.prepend(last);
    show();
    changed();
    announce(`${letter(last)} is not placed`);
  }

  // The listeners are the document's: an element that is moved within the page would lose a pointer it had captured.
  function drag(chip, event) {
    const start = event.clientY;
    let moving = false;
    const moved = (now) => {
      if (now.pointerId !== event.pointerId || (!moving && Math.abs(now.clientY - start) < 5)) return;
      moving = true;
      chip.classList.add("dragging");
      if (chip.parentElement === tray && now.clientY > list.getBoundingClientRect().bottom + 12) return;
      const below = placed().filter((one) => one !== chip).find((one) => {
        const box = one.getBoundingClientRect();
        return now.clientY < box.top + box.height / 2;
      });
      if (below && below.previousElementSibling !== chip) below.before(chip);
      if (!below && list.lastElementChild !== chip) list.append(chip);
      show();
    };
    const ended = (now) => {
      if (now.pointerId !== event.pointerId) return;
      document.removeEventListener("pointermove", moved);
      document.removeEventListener("pointerup", ended);
      document.removeEventListener("pointercancel", ended);
      chip.classList.remove("dragging");
      if (moving && chip.parentElement === list) settle(chip, `${letter(chip)} is ${placed().indexOf(chip) + 1} of ${number}`);
    };
    document.addEventListener("pointermove", moved);
    document.addEventListener("pointerup", ended);
    document.addEventListener("pointercancel", ended);
  }

  chips.forEach((chip) => {
    const name = letter(chip);
    const grip = button(name, name, () => place(chip), "grip");
    grip.addEventListener("pointerdown", (event) => event.button === 0 && drag(chip, event));
    grip.addEventListener("keydown", (event) => {
      const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (by) { event.preventDefault(); move(chip, by); }
    });
    const rank = document.createElement("span");
    rank.className = "rank";
    const tools = document.createElement("span");
    tools.className = "tools";
    tools.append(
      button("=", `Response ${name} is as good as the one above`, () => tie(chip), "tie"),
      button("↑", `Move response ${name} up`, () => move(chip, -1), "up"),
      button("↓", `Move response ${name} down`, () => move(chip, 1), "down"),
    );
    chip.prepend(rank, grip);
    chip.append(tools);
    tray.append(chip);
  });
  show();

  return {
    complete: () => list.children.length === number,
    value: () => placed().map((chip) => [letter(chip), tied(chip)]),
    restore(order) {
      order.forEach(([name, equal]) => {
        const chip = chips.find((one) => letter(one) === name);
        if (!chip) return;
        chip.dataset.tied = equal ? "yes" : "no";
        list.append(chip);
      });
      show();
    },
    key(pressed) {
      const chip = chips.find((one) => letter(one).toLowerCase() === pressed);
      if (chip) place(chip);
      else if (pressed === "=") { tieNext = list.children.length > 0; if (tieNext) announce("the next is as good as the last"); }
      else if (pressed === "backspace") takeBack();
      else return false;
      return true;
    },
  };
}
