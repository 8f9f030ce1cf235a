(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("payload").textContent);
  const chosen = [];
  for (const [name, spec] of Object.entries(data.charts)) {
    const place = document.getElementById("chart-" + name);
    const options = { mode: "vega-lite", renderer: "svg", actions: false, tooltip: { theme: "custom" } };
    window.vegaEmbed(place, spec, options).then(
      (result) => { if (/^(level|pit)_/.test(name)) chosen.push(result.view); },
      (error) => { place.textContent = String(error); }
    );
  }
  const select = document.getElementById("model");
  if (select) select.addEventListener("change", () => {
    chosen.forEach((view) => view.signal("model", Number(select.value)).run());
  });
})();
