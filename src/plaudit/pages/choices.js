"use strict";
(() => {
  const KEYS = { a: "first", b: "second", t: "tie", s: "skip" };
  const NAMES = { first: "A is better", second: "B is better", tie: "As good", skip: "Skip" };

  function element(kind, words = {}, ...inside) {
    const made = document.createElement(kind);
    Object.entries(words).forEach(([key, one]) => { if (key in made) made[key] = one; else made.setAttribute(key, one); });
    made.append(...inside);
    return made;
  }

  function stored(name) {
    try { return JSON.parse(localStorage.getItem(name) || "{}"); } catch { return {}; }
  }

  function kept(name, value) {
    try { localStorage.setItem(name, JSON.stringify(value)); return true; } catch { return false; }
  }

  function passage(heading, text) {
    const shown = element("div", { className: "text", tabIndex: 0, role: "group", "aria-label": heading });
    shown.textContent = text;
    return element("div", {}, element("h4", {}, heading), shown);
  }

  function saved(known, answers) {
    const judgements = known.pairs.flatMap((pair, place) => (
      answers[place] ? [{ first: pair.first, second: pair.second, verdict: answers[place] }] : []));
    const text = JSON.stringify({ ...known.stated, sample: known.identity, judgements }, null, 1);
    const link = element("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: known.file });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function start(box) {
    const known = JSON.parse(document.getElementById(box.dataset.choices).textContent);
    const name = `judgements ${known.identity}`;
    const answers = stored(name);
    const open = known.pairs.findIndex((_, place) => !answers[place]);
    let place = open < 0 ? known.pairs.length : open;
    let remembered = true;
    const status = element("p", { className: "quiet", role: "status" });
    const bar = element("progress", { max: known.pairs.length, "aria-label": "pairs judged" });
    const stage = element("div", { className: "stage" });
    box.tabIndex = -1;
    box.append(status, bar, stage);

    const judged = () => Object.keys(answers).length;
    const go = (to) => { place = Math.max(0, Math.min(known.pairs.length, to)); show(); };

    function answer(verdict) {
      answers[place] = verdict;
      remembered = kept(name, answers);
      go(place + 1);
      box.focus({ preventScroll: true });
    }

    function forget() {
      if (!window.confirm("Forget all answers of this page?")) return;
      Object.keys(answers).forEach((key) => delete answers[key]);
      remembered = kept(name, answers);
      go(0);
    }

    function button(words, act, more = {}) {
      const made = element("button", { type: "button", ...more }, words);
      made.addEventListener("click", act);
      return made;
    }

    function verdicts() {
      return Object.entries(KEYS).map(([key, verdict]) => {
        const made = button(NAMES[verdict], () => answer(verdict), { "aria-pressed": String(answers[place] === verdict) });
        made.dataset.verdict = verdict;
        made.append(element("kbd", {}, key.toUpperCase()));
        return made;
      });
    }

    function steps() {
      const back = button("Back", () => go(place - 1), { disabled: place === 0 });
      const save = button("Save answers", () => saved(known, answers), { disabled: !judged() });
      back.dataset.act = "back";
      save.dataset.act = "save";
      if (place === known.pairs.length) save.className = "main";
      const clear = button("Start over", forget, { disabled: !judged() });
      return element("div", { className: "buttons" }, back, save, clear);
    }

    function pairShown() {
      const pair = known.pairs[place];
      const context = element("div", { className: "context" }, passage(known.heading, pair.context));
      const texts = element("div", { className: "pair" }, passage("A", pair.texts[0]), passage("B", pair.texts[1]));
      const buttons = element("div", { className: "buttons", role: "group", "aria-label": "Verdict" }, ...verdicts());
      return [element("h3", {}, known.question), ...(pair.context ? [context] : []), texts, buttons];
    }

    function show() {
      const done = place === known.pairs.length;
      const where = done ? "All pairs were shown" : `Pair ${place + 1} of ${known.pairs.length}`;
      const memory = remembered ? "kept in this browser" : "this browser keeps nothing: save before you leave";
      status.textContent = `${where} · ${judged()} judged, ${memory}`;
      bar.value = judged();
      const end = element("p", {}, known.ending);
      stage.replaceChildren(...(done ? [end] : pairShown()), element("p", {}), steps());
    }

    box.addEventListener("keydown", (event) => {
      const verdict = KEYS[event.key.toLowerCase()];
      if (!verdict || event.ctrlKey || event.metaKey || event.altKey || place === known.pairs.length) return;
      event.preventDefault();
      answer(verdict);
    });
    show();
  }

  document.querySelectorAll("[data-choices]").forEach(start);
})();
