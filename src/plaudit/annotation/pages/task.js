"use strict";
(() => {
  const form = document.getElementById("answer");
  const guidelines = document.querySelector("[data-guidelines]");
  const announced = document.createElement("p");
  announced.className = "hidden";
  announced.setAttribute("role", "status");
  document.body.append(announced);

  // --- guidelines ---------------------------------------------------------------------------------------------
  if (guidelines) {
    const name = `plaudit guidelines ${memory.visitor}`;
    const version = document.body.dataset.guidelines;
    const before = memory.read(name);
    const changed = before !== null && before !== version;
    guidelines.querySelector(".changed").hidden = !changed;
    guidelines.open = changed || before === null || window.matchMedia("(min-width: 70rem)").matches;
    memory.write(name, version);
  }
  if (!form) return;

  const assignment = form.elements.assignment.value;
  const draft = memory.draftName(assignment);
  const problem = document.getElementById("problem");
  const submit = form.querySelector("[data-submit]");
  const field = (name) => form.elements[name];
  let busy = false;

  function announce(words, wrong = false) {
    announced.textContent = words;
    problem.textContent = wrong ? words : "";
    problem.hidden = !wrong;
  }

  // --- how long it takes, while it is looked at ------------------------------------------------------------------
  let spent = 0;
  let since = document.hidden ? null : performance.now();
  const seconds = () => spent + (since === null ? 0 : (performance.now() - since) / 1000);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { spent = seconds(); since = null; keep(); } else since = performance.now();
  });

  // --- drafts -------------------------------------------------------------------------------------------------
  const ranked = form.querySelector("[data-ranking]");
  const marked = form.querySelector("[data-marking]");
  const ranking = ranked && startRanking(ranked, edited, announce);
  const marking = marked && startMarking(marked, edited, announce);
  const OWN = new Set(["assignment", "csrf", "seconds"]);

  function entries() {
    return [...new FormData(form)].filter(([name]) => !OWN.has(name));
  }

  function keep() {
    if (busy) return;
    const kept = { at: Date.now(), seconds: seconds(), fields: entries(), order: ranking?.value(), marks: marking?.value() };
    if (!memory.write(draft, kept)) memory.say("This browser keeps no drafts.", "bad");
  }

  function edited() {
    problem.hidden = true;
    const choice = field("choice") && form.querySelector("[name=choice]:checked")?.value;
    const strength = form.querySelector("[data-strength]");
    if (strength) strength.disabled = choice === "tie" || choice === "both_bad";
    document.querySelectorAll(".response").forEach((one) => one.classList.toggle("chosen", one.id === `response-${choice}`));
    keep();
  }

  function restore() {
    const kept = memory.read(draft);
    if (!kept) return;
    spent = kept.seconds || 0;
    kept.fields.forEach(([name, value]) => {
      const found = form.elements[name];
      if (!found) return;
      if (found instanceof RadioNodeList) found.value = value;
      else if (found.type === "radio" || found.type === "checkbox") found.checked = found.value === value;
      else found.value = value;
    });
    if (ranking && kept.order) ranking.restore(kept.order);
    if (marking && kept.marks) marking.restore(kept.marks);
    edited();
    if (kept.fields.some(([name, value]) => name !== "choice" || value !== "ranked") && entries().length) {
      memory.say("What you had entered is here again.");
    }
  }

  form.addEventListener("input", edited);
  form.addEventListener("change", edited);
  window.addEventListener("pagehide", keep);

  // --- sending ------------------------------------------------------------------------------------------------
  function body(skip) {
    const sent = new URLSearchParams({ assignment, seconds: seconds().toFixed(2) });
    if (skip) sent.append("skip", "1");
    else entries().filter(([, value]) => value !== "").forEach(([name, value]) => sent.append(name, value));
    if (marking && !skip) {
      // A response without a stretch says that nothing in it is wrong, and only where that was said.
      const whole = field("spans_complete").checked;
      marking.value().forEach(([letter, spans]) => {
        if (whole) sent.append(`span.${letter}`, "");
        spans.forEach(([start, end]) => sent.append(`span.${letter}`, `${start}-${end}`));
      });
    }
    return sent.toString();
  }

  function missing() {
    if (ranking && !ranking.complete()) return "Put every response in its place first.";
    if (!form.querySelector("[name=choice]:checked")) return "Choose first: A, B, as good, or both bad.";
    return "";
  }

  function lesson(told) {
    const box = document.createElement("div");
    const onward = document.createElement("a");
    const line = (words, kind = "p") => { const made = document.createElement(kind); made.textContent = words; return made; };
    box.className = `notice lesson ${told.right ? "good" : "bad"}`;
    box.tabIndex = -1;
    box.append(line(told.title, "strong"), ...told.sentences.map((words) => line(words)));
    onward.href = told.next;
    onward.className = "button main";
    onward.textContent = "Go on";
    onward.dataset.next = "";
    box.append(onward);
    form.querySelectorAll("[data-control]").forEach((one) => one.remove());
    form.append(box);
    memory.say("");
    announced.textContent = [told.title, ...told.sentences].join(" ");
    onward.focus();
    box.scrollIntoView({ block: "nearest" });
  }

  function refused(result) {
    announce(result.message || "The answer was not taken.", true);
    if (result.next) {
      const onward = document.createElement("a");
      onward.href = result.next;
      onward.textContent = "Go on";
      problem.append(" ", onward);
    }
    memory.say("Not saved", "bad");
  }

  async function send(skip) {
    const wrong = skip ? "" : missing();
    if (wrong || busy) { if (wrong) announce(wrong, true); return; }
    keep();
    busy = true;
    form.setAttribute("aria-busy", "true");
    form.querySelectorAll("button[type=submit]").forEach((one) => { one.disabled = true; });
    const result = await memory.answer(assignment, body(skip));
    if (result.state === "saved") memory.forget(draft);
    if (result.state === "saved" && !result.title) { window.location.replace(result.next || "/task"); return; }
    busy = false;
    form.removeAttribute("aria-busy");
    form.querySelectorAll("button[type=submit]").forEach((one) => { one.disabled = false; });
    if (result.state === "saved") { busy = true; lesson(result); } else refused(result);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(event.submitter?.name === "skip");
  });

  // --- keys ---------------------------------------------------------------------------------------------------
  const keys = new Map([...form.querySelectorAll("[data-key]")].map((one) => [one.dataset.key, one]));

  function press(found) {
    if (found.disabled || found.closest("fieldset")?.disabled) return;
    if (found.type !== "radio") { found.click(); return; }
    found.checked = true;
    found.focus({ preventScroll: true });
    edited();
  }

  function typed(key) {
    if (ranking && ranking.key(key)) return true;
    if (keys.has(key)) { press(keys.get(key)); return true; }
    if (key === "r" && field("reason")) { field("reason").focus(); return true; }
    if (key === "m" && marking) { marking.mark(); return true; }
    return false;
  }

  document.addEventListener("keydown", (event) => {
    const at = event.target;
    const writing = at.matches?.("textarea, input:not([type=radio]):not([type=checkbox]), select");
    if (event.isComposing || busy) return;
    if (event.key === "Enter" && (writing ? event.ctrlKey || event.metaKey : !at.matches?.("button, a, summary"))) {
      event.preventDefault();
      send(false);
      return;
    }
    if (writing && event.key === "Escape") { document.getElementById("answering").focus({ preventScroll: true }); return; }
    if (writing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (typed(event.key.toLowerCase())) event.preventDefault();
  });

  // --- at the start -------------------------------------------------------------------------------------------
  restore();
  if (!memory.read(draft)) submit.blur();
  memory.flush().then((sent) => {
    if (sent.includes(assignment)) window.location.replace("/task");
  });
})();
