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

  const number = (value) => (value === null || value === undefined ? "–" : Math.round(value).toLocaleString("en-US"));
  const between = (low, high) => (low === null || high === null || low === undefined ? "–" : number(low) + "–" + number(high));
  const cells = (texts) => {
    const row = document.createElement("tr");
    texts.forEach((text, index) => {
      const cell = element(index ? "td" : "th", text);
      if (index) cell.className = /^[\d–−,]*$/.test(text) ? "n" : "";
      else cell.scope = "row";
      row.append(cell);
    });
    return row;
  };

  // Charts: one category for all of them.
  const views = {};
  const newest = {};
  const draw = (name, height) => {
    const spec = data.charts[name];
    const drawn = newest[name];
    if (!spec || (drawn && !drawn.length)) return Promise.resolve();
    if (height) spec.height = height;
    if (drawn) spec.datasets = Object.assign({}, spec.datasets, { [name]: drawn });
    const options = { mode: "vega-lite", renderer: "svg", actions: false, logLevel: 1, tooltip: { theme: "custom" } };
    return window.vegaEmbed("#chart-" + name, spec, options).then(
      (result) => {
        views[name] = result.view;
        if (newest[name] !== drawn) hand(name, newest[name]);
      },
      (error) => { byId("chart-" + name).textContent = String(error); }
    );
  };
  const hand = (name, rows) => {
    newest[name] = rows;
    byId("chart-" + name).hidden = rows.length === 0;
    if (views[name] && rows.length) views[name].data(name, rows).runAsync();
  };
  const state = { category: 0, place: 0, span: 0 };

  // What is coming: one place and category.
  const lines = new Map(data.lines.rows.map((row) => [row[0] + "," + row[1], row]));
  const places = data.lines.places;
  const line = () => lines.get(state.place + "," + state.category);
  const BANDS = ["l50", "h50", "l80", "h80", "l95", "h95"];
  const months = (found) => {
    const [, , past, ahead, before] = found;
    const history = data.lines.past;
    const rows = [];
    past.forEach((value, n) => {
      const row = { m: history[n], v: value, t: data.lines.labels[n] };
      const then = before.length ? before[n - history.length + before.length] : null;
      if (then !== null && then !== undefined) row.p = then;
      rows.push(row);
    });
    const next = rows.length && nextTo(history[history.length - 1], data.lines.ahead[0]);
    if (ahead.length && next) {
      const last = rows[rows.length - 1];
      if (last.v !== null) ["e"].concat(BANDS).forEach((name) => { last[name] = last.v; });
    }
    for (let n = 0; n * 7 < ahead.length; n += 1) {
      const row = { m: data.lines.ahead[n], t: data.lines.labels[history.length + n], e: ahead[n * 7] };
      BANDS.forEach((name, k) => { row[name] = ahead[n * 7 + 1 + k]; });
      const year = history.indexOf(String(Number(row.m.slice(0, 4)) - 1) + row.m.slice(4));
      if (!before.length && year >= 0 && past.length && past[year] !== null) row.p = past[year];
      rows.push(row);
    }
    const highest = rows.reduce((best, row) => (row.p > (best ? best.p : -1) ? row : best), null);
    if (highest && before.length) highest.q = data.words.then;
    return rows;
  };
  const nextTo = (one, other) => {
    const count = (month) => Number(month.slice(0, 4)) * 12 + Number(month.slice(5, 7));
    return other && count(other) - count(one) === 1;
  };
  const sentence = (found) => {
    const words = data.words;
    if (!found || !found[5].length) return words.none;
    const [expected, low, high, past, same, communities, complete] = found[5];
    let against = words.no_last_year;
    if (past !== null) {
      const more = (complete ? expected : same) - past;
      const change = more === 0 ? words.same : fill(more > 0 ? words.more_than : words.fewer, { n: number(Math.abs(more)) });
      against = fill(complete ? words.against : words.part, { change, last_year: number(past), n: number(communities) });
    }
    return fill(words.trend, {
      place: places[state.place][1], category: data.categories[state.category], months: data.lines.span,
      expected: number(expected), against,
      range: low === null || high === null ? words.no_interval : fill(words.sure, { low: number(low), high: number(high) })
    });
  };
  const trendTable = () => {
    const body = document.querySelector("#trend-numbers tbody");
    body.textContent = "";
    if (!byId("trend-numbers").open || !line()) return;
    months(line()).forEach((row) => {
      const ahead = row.v === undefined;
      const bands = [50, 80, 95].map((band) => (ahead ? between(row["l" + band], row["h" + band]) : ""));
      body.append(cells([row.t, ahead ? "" : number(row.v), ahead ? number(row.e) : "", ...bands, row.p === undefined ? "" : number(row.p)]));
    });
  };
  const trend = () => {
    const found = line();
    if (byId("area")) byId("trend-sentence").textContent = sentence(found);
    hand("trend", found ? months(found) : []);
    trendTable();
  };
  byId("trend-numbers").addEventListener("toggle", trendTable);

  // Places: the city, its districts and streets; then the communities of a street.
  const children = places.map(() => []);
  places.forEach((place, n) => { if (place[3] >= 0) children[place[3]].push(n); });
  const isLow = (n) => places[n][2] === "community";
  const option = (value, text) => {
    const made = element("option", text);
    made.value = String(value);
    return made;
  };
  const fillCommunities = (above) => {
    const select = byId("community");
    const low = children[above].filter(isLow);
    select.textContent = "";
    select.append(option(above, fill(data.words.whole, { name: places[above][1] })), ...low.map((n) => option(n, places[n][1])));
    byId("below").hidden = low.length === 0;
  };
  const categoriesOf = () => {
    all("#coming select.category option").forEach((made) => { made.disabled = !lines.has(state.place + "," + made.value); });
  };
  const goTo = (place) => {
    state.place = place;
    const above = isLow(place) && places[place][3] >= 0 ? places[place][3] : place;
    byId("area").value = String(above);
    fillCommunities(above);
    byId("community").value = String(place);
    categoriesOf();
    if (!line()) {
      const first = [0, ...data.categories.keys()].find((c) => lines.has(place + "," + c));
      if (first !== undefined) return show(first);
    }
    trend();
  };
  const setUpPlaces = () => {
    const select = byId("area");
    if (!select || !places.length) return;
    const walk = (n, depth) => {
      select.append(option(n, "\u3000".repeat(depth) + places[n][1]));
      children[n].filter((child) => !isLow(child)).forEach((child) => walk(child, depth + 1));
    };
    places.forEach((place, n) => { if (place[3] < 0 && !isLow(n)) walk(n, 0); });
    places.forEach((place, n) => { if (place[3] < 0 && isLow(n)) select.append(option(n, place[1])); });
    select.addEventListener("change", () => goTo(Number(select.value)));
    byId("community").addEventListener("change", () => goTo(Number(byId("community").value)));
    goTo(0);
  };

  // The map: one category and one span of months, as polygons or as tiles.
  const map = data.map;
  const cutsOf = (category) => map.cuts[state.span ? 1 : 0][category] || [];
  const shade = (value, cuts) => {
    const group = cuts.filter((cut) => cut <= value).length;
    return cuts.length ? Math.round(group * 5 / cuts.length) : 0;
  };
  const facts = (category) => map.names.map(([name, within], n) => {
    const [e, low, high] = [map.e, map.l, map.h].map((part) => part[state.span][category][n]);
    const past = state.span ? null : map.y[category][n];
    return { n: name, s: within, e, low, high, past, at: n, k: e === null ? null : shade(e, cutsOf(category)) };
  });
  const legend = (category) => {
    const list = byId("legend");
    const cuts = cutsOf(category);
    list.textContent = "";
    [0].concat(cuts).forEach((start, n) => {
      const end = n < cuts.length ? cuts[n] - 1 : null;
      const item = document.createElement("li");
      const swatch = document.createElement("i");
      swatch.className = "v" + shade(start, cuts);
      item.append(swatch, end === null ? "≥ " + number(start) : end === start ? number(start) : between(start, end));
      list.append(item);
    });
  };
  const tiles = (found) => {
    const box = byId("tiles");
    box.textContent = "";
    const groups = new Map();
    found.forEach((fact) => groups.set(fact.s, (groups.get(fact.s) || []).concat(fact)));
    groups.forEach((facts, name) => {
      const list = document.createElement("ul");
      facts.forEach((fact) => {
        const tile = document.createElement("li");
        tile.className = fact.k === null ? "" : "v" + fact.k;
        tile.title = fill(data.words.tile, { name: fact.n, n: number(fact.e) }) + (fact.low === null ? "" : " (" + between(fact.low, fact.high) + ")");
        tile.append(element("span", fact.n), element("b", number(fact.e)));
        list.append(tile);
      });
      box.append(element("h3", name), list);
    });
  };
  const top = (found) => {
    const list = byId("top");
    list.textContent = "";
    found.filter((fact) => fact.e).sort((a, b) => b.e - a.e).slice(0, 8).forEach((fact) => {
      const item = document.createElement("li");
      const place = element("span", fact.n + " ");
      place.append(element("small", fact.s));
      const range = fact.low === null || fact.high === null ? "" : fill(data.words.range, { low: number(fact.low), high: number(fact.high) });
      item.append(place, element("b", number(fact.e)), element("small", range));
      list.append(item);
    });
  };
  const mapTable = (found) => {
    const body = document.querySelector("#map-numbers tbody");
    body.textContent = "";
    if (!byId("map-numbers").open) return;
    found.slice().sort((a, b) => b.e - a.e).forEach((fact) => {
      body.append(cells([fact.n, fact.s, number(fact.e), between(fact.low, fact.high), number(fact.past)]));
    });
  };
  const showMap = () => {
    if (!map.spans.length) return;
    const category = state.category;
    const found = facts(category);
    byId("map-title").textContent = data.categories[category] + " · " + map.spans[state.span];
    legend(category);
    top(found);
    mapTable(found);
    if (!map.shapes.length) { tiles(found); return; }
    hand("areas", found.filter((fact) => map.shapes[fact.at] && fact.k !== null).map((fact) => ({
      type: "Feature", geometry: map.shapes[fact.at], k: fact.k, n: fact.n, s: fact.s,
      x: number(fact.e), r: between(fact.low, fact.high), y: number(fact.past)
    })));
  };

  const show = (category) => {
    state.category = category;
    all("select.category").forEach((select) => { select.value = String(category); });
    trend();
    showMap();
    if (views.live) views.live.signal("category", category).runAsync();
  };
  all("select.category").forEach((select) => select.addEventListener("change", () => show(Number(select.value))));
  if (map.spans.length) {
    byId("span").addEventListener("change", () => { state.span = Number(byId("span").value); showMap(); });
    byId("map-numbers").addEventListener("toggle", showMap);
  }
  setUpPlaces();
  trend();
  showMap();
  const width = byId("chart-areas") ? byId("chart-areas").parentElement.clientWidth : 0;
  Promise.all([draw("live"), draw("trend"), draw("areas", Math.min(420, Math.max(240, 0.8 * width)))]).then(() => {
    document.documentElement.dataset.ready = "yes";
  });

  // Long lists show their first rows.
  all("table[data-first]").forEach((table) => {
    const rest = Array.from(table.tBodies[0].rows).slice(Number(table.dataset.first));
    if (!rest.length) return;
    const button = element("button", fill(data.words.all_rows, { n: table.tBodies[0].rows.length }));
    button.type = "button";
    button.className = "no-print";
    const hide = (hidden) => rest.forEach((row) => { row.hidden = hidden; });
    button.addEventListener("click", () => { hide(false); button.remove(); });
    table.parentElement.after(button);
    hide(true);
    window.addEventListener("beforeprint", () => hide(false));
    window.addEventListener("afterprint", () => { if (button.isConnected) hide(true); });
  });

  // The plan: search, filter, sort, copy, download.
  const body = document.querySelector("#tasks tbody");
  if (!body) return;
  const FIRST = 20;
  const MORE = 50;
  const FILTERS = ["street", "lead", "fate", "change"];
  let limit = FIRST;
  const rows = Array.from(body.rows);
  const texts = rows.map((row) => row.textContent.toLowerCase());
  let order = rows.map((_, index) => index);
  const matching = () => {
    const wanted = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = FILTERS.map((name) => [name, byId(name).value]).filter(([, value]) => value);
    return order.filter((index) =>
      chosen.every(([name, value]) => rows[index].dataset[name] === value) &&
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
  ["search", ...FILTERS].forEach((id) => byId(id).addEventListener("input", restart));
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  byId("more").addEventListener("click", () => { limit += MORE; refresh(); });
  const reasons = all("#tasks details");
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = reasons.filter((one) => one.open);
    reasons.forEach((one) => { one.open = true; });
    refresh(true);
  });
  window.addEventListener("afterprint", () => {
    reasons.forEach((one) => { one.open = opened.includes(one); });
    refresh();
  });
  body.addEventListener("click", (event) => {
    const button = event.target.closest("button.show");
    if (!button) return;
    const place = places.findIndex((found) => found[0] === button.dataset.area);
    const category = data.categories.indexOf(button.dataset.name);
    if (place < 0) return;
    if (category >= 0 && lines.has(place + "," + category)) state.category = category;
    state.place = place;
    show(state.category);
    goTo(place);
    byId("coming").scrollIntoView();
    byId("area").focus({ preventScroll: true });
  });

  const compare = (a, b) => {
    if (a === b) return 0;
    if (a === null) return 1;
    if (b === null) return -1;
    return typeof a === "number" ? a - b : String(a).localeCompare(String(b), document.documentElement.lang);
  };
  const sortBy = (column, down) => {
    const head = all("#tasks thead th")[column];
    all("#tasks thead th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    order = rows.map((_, index) => index).sort((a, b) => {
      const x = data.sort[a][column];
      const y = data.sort[b][column];
      return (x === null || y === null || !down ? compare(x, y) : compare(y, x)) || a - b;
    });
    order.forEach((index) => body.append(rows[index]));
    byId("sort").value = String(column);
    refresh();
  };
  all("#tasks th button").forEach((button) => button.addEventListener("click", () => {
    sortBy(Number(button.dataset.column), button.parentElement.getAttribute("aria-sort") === "ascending");
  }));
  const LARGEST_FIRST = ["expected", "excess", "risk"];
  byId("sort").addEventListener("change", () => {
    const column = Number(byId("sort").value);
    sortBy(column, LARGEST_FIRST.includes(data.columns[column]));
  });

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
