"use strict";
document.querySelectorAll("[data-copy]").forEach((button) => {
  const field = button.parentElement.querySelector("[data-copied]");
  button.addEventListener("click", async () => {
    field.select();
    try { await navigator.clipboard.writeText(field.value); button.textContent = "Copied"; } catch { button.textContent = "Press Ctrl+C"; }
  });
});
