"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const styles = () => getComputedStyle(document.documentElement);

  // --- tables ---------------------------------------------------------------------------------------------------
  const order = (cell) => (cell.dataset.order === undefined ? cell.textContent.trim() : Number(cell.dataset.order));
  const compare = (one, other) => {
    const kinds = [typeof one, typeof other];
    if (kinds[0] !== kinds[1]) return kinds[0] === "number" ? -1 : 1;
    return kinds[0] === "number" ? one - other : one.localeCompare(other, undefined, { numeric: true });
  };

  function sort(table, column) {
    const heads = all("thead th", table);
    const down = heads[column].getAttribute("aria-sort") === "ascending";
    heads.forEach((head) => head.hasAttribute("aria-sort") && head.setAttribute("aria-sort", "none"));
    heads[column].setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].sort((a, b) => compare(order(a.cells[column]), order(b.cells[column])));
    body.append(...(down ? rows.reverse() : rows));
  }

  function filterRows(box, input) {
    const wanted = input.value.trim().toLowerCase();
    const rows = all("tbody tr", box);
    rows.forEach((row) => { row.hidden = !row.textContent.toLowerCase().includes(wanted); });
    const shown = rows.filter((row) => !row.hidden).length;
    all("[data-count]", box)[0].textContent = wanted ? `${shown} of ${rows.length} rows` : `${rows.length} rows`;
  }

  all("[data-table]").forEach((box) => {
    const table = all("table", box)[0];
    all("thead th", table).forEach((head, column) => {
      all("button", head).forEach((button) => button.addEventListener("click", () => sort(table, column)));
    });
    all("[data-filter]", box).forEach((input) => input.addEventListener("input", () => filterRows(box, input)));
  });

  // --- passages -------------------------------------------------------------------------------------------------
  function filterPassages(box) {
    const wanted = all("[data-search]", box)[0].value.trim().toLowerCase();
    const chosen = all("select[data-label]", box).filter((one) => one.value !== "");
    const articles = all("article", box);
    articles.forEach((article) => {
      const labels = JSON.parse(article.dataset.labels);
      const fits = chosen.every((one) => labels[Number(one.dataset.label)] === one.value);
      article.hidden = !(fits && article.textContent.toLowerCase().includes(wanted));
    });
    const shown = articles.filter((article) => !article.hidden).length;
    all("[data-count]", box)[0].textContent = `${shown} shown`;
  }

  all("[data-passages]").forEach((box) => {
    all("input, select", box).forEach((field) => field.addEventListener("input", () => filterPassages(box)));
  });

  // --- plots ----------------------------------------------------------------------------------------------------
  function resolved(value, style) {
    if (typeof value === "string" && /^@[a-z-]+$/.test(value)) return style.getPropertyValue(`--${value.slice(1)}`).trim();
    if (Array.isArray(value)) return value.map((one) => resolved(one, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolved(one, style)]));
    }
    return value;
  }

  function merged(under, over) {
    const found = { ...under };
    Object.entries(over).forEach(([key, one]) => {
      const both = one && typeof one === "object" && !Array.isArray(one) && found[key] && typeof found[key] === "object";
      found[key] = both ? merged(found[key], one) : one;
    });
    return found;
  }

  function frame(style, layout, narrow) {
    const axis = {
      gridcolor: "@faint", linecolor: "@faint", zerolinecolor: "@faint", tickfont: { color: "@muted" },
      title: { font: { color: "@muted", size: 12 }, standoff: 8 }, automargin: true, fixedrange: narrow,
    };
    const usual = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true, hovermode: "closest",
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: "@text" },
      margin: { l: 8, r: 8, t: 8, b: 8 }, colorway: ["@accent", "@muted", "@bad", "@text"],
      hoverlabel: { bgcolor: "@raised", bordercolor: "@muted", font: { color: "@text" }, align: "left" },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { color: "@muted" } },
    };
    const axes = Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key)).concat("xaxis", "yaxis");
    axes.forEach((key) => { usual[key] = axis; });
    return resolved(merged(usual, layout), style);
  }

  function draw(box) {
    const { traces, layout } = JSON.parse(document.getElementById(box.dataset.plot).textContent);
    const style = styles();
    const narrow = window.matchMedia("(max-width: 40rem)").matches;
    const options = { responsive: true, displayModeBar: false, displaylogo: false, scrollZoom: false };
    return window.Plotly.react(box, resolved(traces, style), frame(style, layout, narrow), options);
  }

  const boxes = all("[data-plot]");
  const redraw = () => boxes.forEach(draw);
  if (window.Plotly) {
    redraw();
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    window.addEventListener("beforeprint", redraw);
  } else {
    boxes.forEach((box) => {
      box.hidden = true;
      all("details.numbers", box.closest("figure")).forEach((one) => { one.open = true; });
    });
  }

  // --- contents -------------------------------------------------------------------------------------------------
  const contents = all("nav details")[0];
  const wide = window.matchMedia("(min-width: 60rem)");
  const fold = () => { if (contents) contents.open = wide.matches; };
  wide.addEventListener("change", fold);
  fold();
  const links = new Map(all("nav a").map((link) => [link.getAttribute("href").slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting && links.has(entry.target.id)).forEach((entry) => {
      links.forEach((link) => { link.classList.remove("here"); link.removeAttribute("aria-current"); });
      links.get(entry.target.id).classList.add("here");
      links.get(entry.target.id).setAttribute("aria-current", "true");
    });
  }, { rootMargin: "-10% 0px -80% 0px" });
  all("main > section").forEach((section) => seen.observe(section));
})();
