"use strict";
// Marking stretches of responses as wrong. Stretches are counted in characters as Python counts them.
function startMarking(box, changed, announce) {
  const texts = new Map([...document.querySelectorAll("[data-letter]")].map((one) => [one.dataset.letter, one]));
  const words = new Map([...texts].map(([letter, one]) => [letter, [...one.textContent]]));
  const marks = new Map([...texts.keys()].map((letter) => [letter, []]));
  const shown = box.querySelector(".marks");
  const complete = document.createElement("input");
  const label = document.createElement("label");
  complete.type = "checkbox";
  complete.name = "spans_complete";
  complete.value = "1";
  label.className = "complete";
  label.append(complete, " Everything that is wrong is marked");
  box.append(label);

  function draw(letter) {
    let at = 0;
    const all = words.get(letter);
    const pieces = [];
    marks.get(letter).forEach(([start, end]) => {
      const mark = document.createElement("mark");
      mark.textContent = all.slice(start, end).join("");
      pieces.push(all.slice(at, start).join(""), mark);
      at = end;
    });
    texts.get(letter).replaceChildren(...pieces, all.slice(at).join(""));
  }

  function remove(letter, span) {
    marks.set(letter, marks.get(letter).filter((one) => one !== span));
    show();
    changed();
    announce(`the mark in response ${letter} is taken away`);
  }

  function show() {
    const rows = [];
    marks.forEach((spans, letter) => {
      draw(letter);
      spans.forEach((span) => {
        const text = words.get(letter).slice(...span).join("");
        const row = document.createElement("li");
        const away = document.createElement("button");
        away.type = "button";
        away.textContent = "×";
        away.setAttribute("aria-label", `Take away the mark in response ${letter}: ${text.slice(0, 60)}`);
        away.addEventListener("click", () => remove(letter, span));
        row.append(`${letter}: “${text.length > 80 ? `${text.slice(0, 79)}…` : text}” `, away);
        rows.push(row);
      });
    });
    shown.replaceChildren(...rows);
  }

  function offset(text, node, at) {
    const range = document.createRange();
    range.setStart(text, 0);
    range.setEnd(node, at);
    return [...range.toString()].length;
  }

  function selected() {
    const found = window.getSelection();
    if (!found.rangeCount || found.isCollapsed) return null;
    const range = found.getRangeAt(0);
    for (const [letter, text] of texts) {
      if (text.contains(range.startContainer) && text.contains(range.endContainer)) {
        return [letter, offset(text, range.startContainer, range.startOffset), offset(text, range.endContainer, range.endOffset)];
      }
    }
    return null;
  }

  function joined(spans) {
    const sorted = [...spans].sort((one, other) => one[0] - other[0]);
    return sorted.reduce((kept, [start, end]) => {
      const last = kept[kept.length - 1];
      if (last && start <= last[1]) last[1] = Math.max(last[1], end);
      else kept.push([start, end]);
      return kept;
    }, []);
  }

  function mark() {
    const found = selected();
    if (!found || found[1] >= found[2]) { announce("Select a stretch within one response first.", true); return; }
    const [letter, start, end] = found;
    marks.set(letter, joined([...marks.get(letter), [start, end]]));
    complete.checked = true;
    window.getSelection().removeAllRanges();
    show();
    changed();
    announce(`marked in response ${letter}`);
  }

  // Shift and the arrow keys select by words from the beginning of the response in focus.
  document.querySelectorAll(".response .text").forEach((text) => text.addEventListener("keydown", (event) => {
    const inside = text.querySelector("[data-letter]");
    const selection = window.getSelection();
    if (!inside || !event.key.startsWith("Arrow")) return;
    if (!inside.contains(selection.focusNode)) selection.collapse(inside, 0);
    const forward = event.key === "ArrowRight" || event.key === "ArrowDown";
    const unit = event.key === "ArrowUp" || event.key === "ArrowDown" ? "line" : event.ctrlKey ? "character" : "word";
    if (event.shiftKey || unit !== "line") {
      event.preventDefault();
      selection.modify(event.shiftKey ? "extend" : "move", forward ? "forward" : "backward", unit);
    }
  }));

  box.querySelector("[data-mark]").addEventListener("pointerdown", (event) => event.preventDefault());
  box.querySelector("[data-mark]").addEventListener("click", mark);
  return {
    mark,
    value: () => [...marks],
    restore(found) {
      found.forEach(([letter, spans]) => texts.has(letter) && marks.set(letter, joined(spans)));
      show();
    },
  };
}
