(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const data = JSON.parse(byId("payload").textContent);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const element = (tag, text) => {
    const made = document.createElement(tag);
    made.textContent = text;
    return made;
  };

  // Charts: one category for all of them.
  const views = [];
  const draw = (name) => {
    const chart = data.charts[name];
    if (!chart) return;
    const spec = Object.assign({}, chart.spec, { datasets: Object.assign({}, chart.spec.datasets) });
    spec.datasets[name] = chart.data;
    if (name === "areas") spec.height = Math.min(spec.height, Math.max(240, 0.8 * byId("chart-areas").parentElement.clientWidth));
    const options = { mode: "vega-lite", renderer: "svg", actions: false, tooltip: { theme: "custom" } };
    window.vegaEmbed("#chart-" + name, spec, options).then(
      (result) => views.push(result.view),
      (error) => { byId("chart-" + name).textContent = String(error); }
    );
  };

  const legend = (category) => {
    const list = byId("legend");
    list.textContent = "";
    for (const [shade, text] of data.legend[category] || []) {
      const item = document.createElement("li");
      const swatch = document.createElement("i");
      swatch.style.background = "var(--v" + shade + ")";
      item.append(swatch, text);
      list.append(item);
    }
  };

  const top = (category) => {
    const list = byId("top");
    if (!list) return;
    list.textContent = "";
    for (const [name, street, expected, low, high] of data.top[category]) {
      const item = document.createElement("li");
      const place = element("span", name + " ");
      place.append(element("small", street));
      item.append(place, element("b", expected), element("small", low === null || high === null ? "" : fill(data.words.range, { low, high })));
      list.append(item);
    }
  };

  const show = (category) => {
    all("select.category").forEach((select) => { select.value = String(category); });
    byId("trend-sentence").textContent = data.sentences[category];
    legend(category);
    top(category);
    views.forEach((view) => view.signal("category", category).run());
  };
  all("select.category").forEach((select) => select.addEventListener("change", () => show(Number(select.value))));
  draw("live");
  draw("trend");
  draw("areas");
  show(0);

  // The plan: search, filter, sort, copy, download.
  const body = document.querySelector("#tasks tbody");
  if (!body) return;
  const FIRST = 20;
  const MORE = 50;
  let limit = FIRST;
  const rows = Array.from(body.rows);
  const texts = rows.map((row) => row.textContent.toLowerCase());
  let order = rows.map((_, index) => index);
  const matching = () => {
    const wanted = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const street = byId("street").value;
    const lead = byId("lead").value;
    return order.filter((index) =>
      (!street || rows[index].dataset.street === street) &&
      (!lead || rows[index].dataset.lead === lead) &&
      wanted.every((word) => texts[index].includes(word)));
  };
  const refresh = (everything) => {
    const found = matching();
    const visible = new Set(everything ? found : found.slice(0, limit));
    rows.forEach((row, index) => { row.hidden = !visible.has(index); });
    byId("shown").textContent = fill(data.words.shown, { shown: visible.size, all: rows.length });
    byId("no-match").hidden = found.length > 0;
    byId("more").hidden = visible.size === found.length;
  };
  const restart = () => { limit = FIRST; refresh(); };
  ["search", "street", "lead"].forEach((id) => byId(id).addEventListener("input", restart));
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  byId("more").addEventListener("click", () => { limit += MORE; refresh(); });
  window.addEventListener("beforeprint", () => refresh(true));
  window.addEventListener("afterprint", () => refresh());

  const compare = (a, b) => {
    if (a === b) return 0;
    if (a === null) return 1;
    if (b === null) return -1;
    return typeof a === "number" ? a - b : String(a).localeCompare(String(b), document.documentElement.lang);
  };
  all("#tasks th button").forEach((button) => button.addEventListener("click", () => {
    const column = Number(button.dataset.column);
    const head = button.parentElement;
    const down = head.getAttribute("aria-sort") === "ascending";
    all("#tasks th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    order = rows.map((_, index) => index).sort((a, b) => {
      const x = data.sort[a][column];
      const y = data.sort[b][column];
      return (x === null || y === null || !down ? compare(x, y) : compare(y, x)) || a - b;
    });
    order.forEach((index) => body.append(rows[index]));
    refresh();
  }));

  // A text that starts like a formula is given an apostrophe, as in workplan.csv.
  const neutral = (value) => {
    const text = value === null ? "" : String(value);
    return typeof value === "string" && /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/.test(text) ? "'" + text : text;
  };
  const quoted = (text) => (/[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text);
  const table = () => [data.csv.header].concat(matching().map((index) => data.csv.rows[index]));
  byId("download").addEventListener("click", () => {
    const text = "\ufeff" + table().map((row) => row.map((value) => quoted(neutral(value))).join(",")).join("\r\n") + "\r\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    link.download = data.csv.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
  byId("copy").addEventListener("click", () => {
    const line = (row) => row.map((value) => neutral(value).replace(/[\t\r\n]+/g, " ")).join("\t");
    const text = table().map(line).join("\n");
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    byId("copy").textContent = data.words.copied;
    setTimeout(() => { byId("copy").textContent = data.words.copy; }, 1500);
  });
  refresh();
})();
