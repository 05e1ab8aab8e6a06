"use strict";
// A page that says one thing: it sends what was left behind, and looks again after a while where it was told to.
(() => {
  const again = Number(document.body.dataset.again || 0);
  if (memory.visitor) memory.flush();
  if (again) setTimeout(() => window.location.replace("/task"), again * 1000);
})();
