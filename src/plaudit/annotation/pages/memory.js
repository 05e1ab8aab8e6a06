"use strict";
// What this browser keeps until the server has it: drafts, and answers that were not acknowledged yet. Each answer has a
// key of its own, so that two tabs never write over each other.
const memory = (() => {
  const { visitor = "", csrf = "" } = document.body.dataset;
  const DRAFT = `plaudit draft ${visitor} `;
  const ANSWER = `plaudit answer ${visitor} `;
  const OLD = 14 * 24 * 3600 * 1000;
  const WAITS = [1, 2, 4, 8, 15];
  document.documentElement.classList.add("js");

  function read(name) {
    try { return JSON.parse(localStorage.getItem(name) || "null"); } catch { return null; }
  }

  function write(name, value) {
    try { localStorage.setItem(name, JSON.stringify(value)); return true; } catch { return false; }
  }

  function forget(name) {
    try { localStorage.removeItem(name); } catch { /* a browser that keeps nothing has nothing to forget */ }
  }

  function names(prefix) {
    try { return Object.keys(localStorage).filter((name) => name.startsWith(prefix)); } catch { return []; }
  }

  names(DRAFT).filter((name) => Date.now() - (read(name)?.at || 0) > OLD).forEach(forget);

  function say(words, tone = "") {
    const place = document.getElementById("saving");
    if (!place) return;
    place.textContent = words;
    place.dataset.tone = tone;
  }

  function pause(seconds) {
    return new Promise((resolve) => {
      const done = () => { clearTimeout(timer); window.removeEventListener("online", done); resolve(); };
      const timer = setTimeout(done, seconds * 1000);
      window.addEventListener("online", done);
    });
  }

  async function attempt(body) {
    const headers = { "Content-Type": "application/x-www-form-urlencoded", "X-CSRF-Token": csrf, Accept: "application/json" };
    try {
      const reply = await fetch("/answer", { method: "POST", headers, body, redirect: "error", signal: AbortSignal.timeout(20000) });
      const told = await reply.json();
      if (reply.ok) return { state: "saved", ...told };
      if (reply.status >= 500 || reply.status === 429) return { state: "away" };
      return { state: reply.status === 401 ? "signed-out" : "refused", ...told };
    } catch {
      return { state: "away" };
    }
  }

  // Send one answer until the server has taken or refused it. It stays in the browser until then.
  async function deliver(name) {
    for (let turn = 0; ; turn += 1) {
      const kept = read(name);
      if (!kept) return { state: "saved", next: "/task" };
      say(turn ? "The server cannot be reached. Your answer is kept in this browser; sending it again …" : "Saving …", turn ? "bad" : "");
      const result = await attempt(kept.body);
      if (result.state === "saved" || result.state === "refused") forget(name);
      if (result.state !== "away") return result;
      say("The server cannot be reached. Your answer is kept in this browser and is sent again by itself.", "bad");
      await pause(WAITS[Math.min(turn, WAITS.length - 1)]);
    }
  }

  // Keep an answer, then send it. Where the browser keeps nothing it is sent all the same, while the page is open.
  async function answer(assignment, body) {
    const name = ANSWER + assignment;
    if (write(name, { at: Date.now(), body })) return deliver(name);
    for (let turn = 0; ; turn += 1) {
      const result = await attempt(body);
      if (result.state !== "away") return result;
      say("The server cannot be reached, and this browser keeps nothing. Leave this page open: it tries again.", "bad");
      await pause(WAITS[Math.min(turn, WAITS.length - 1)]);
    }
  }

  // Send what an earlier page, closed or crashed, left behind.
  async function flush() {
    const found = names(ANSWER);
    let last = null;
    for (const name of found) {
      last = await deliver(name);
      if (last.state === "signed-out") break;
    }
    if (last && last.state === "saved") say(found.length > 1 ? "Answers from before were saved." : "The answer from before was saved.");
    if (last && last.state !== "saved" && last.message) say(last.message, "bad");
    return found.map((name) => name.slice(ANSWER.length));
  }

  return {
    visitor, read, write, forget, say, answer, flush, names,
    draftName: (assignment) => DRAFT + assignment,
  };
})();
