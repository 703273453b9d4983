/* The drill-down of one method: its seeds on every data set, its learning curves, failures and trial ids. */
const detail = byId("detail");
const SAME_SCORE = new Set(DATA.datasets.map((each) => each.score)).size === 1;

function ticks(low, high) {
  const raw = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((each) => each >= raw * 0.999);
  const places = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9; i++) places.push(i * step);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return places.map((value) => [value, value.toFixed(decimals)]);
}

/* One axis for the seeds of data sets that are scored alike, padded a little. */
function scoreAxis(rows) {
  const values = rows.flatMap((row) => [...row.seeds.map((seed) => seed[1]), ...(row.mean ?? [])]);
  const known = values.filter((value) => value !== null);
  if (!known.length) return null;
  const [min, max] = [Math.min(...known), Math.max(...known)];
  const room = Math.max(max - min, 0.04 * Math.max(Math.abs(min), Math.abs(max))) * 0.1;
  const [low, high] = [min - room, max + room];
  const at = (value) => ((100 * (value - low)) / (high - low)).toFixed(2) + "%";
  return { at, ticks: ticks(low, high) };
}

function seedStrip(row, axis, decimals) {
  const track = make("span", { class: "track" });
  for (const [value] of axis.ticks) track.append(make("span", { class: "tick", style: `left:${axis.at(value)}` }));
  if (row.mean && row.n[0] > 1) {
    const [low, , high] = row.mean.map(axis.at);
    track.append(make("span", { class: "ci", style: `left:${low};width:${(parseFloat(high) - parseFloat(low)).toFixed(2)}%` }));
  }
  for (const [seed, value] of row.seeds) {
    if (value === null) continue;
    track.append(make("span", { class: "seed", style: `left:${axis.at(value)}`, "data-tip": `seed ${seed}: ${value.toFixed(decimals)}` }));
  }
  const names = make("span", { class: "track" });
  for (const [value, label] of axis.ticks) names.append(make("span", { class: "t", style: `left:${axis.at(value)}` }, label));
  return make("div", { class: "dots" }, make("div", { class: "row axis" }, names), make("div", { class: "row best" }, track));
}

function svg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function curvePlot([median, low, high], what) {
  const known = [...median, ...(low ?? []), ...(high ?? [])].filter((value) => value !== null);
  if (median.length < 2 || !known.length) return null;
  const [min, max] = [Math.min(...known), Math.max(...known)];
  const room = (Math.max(max - min, 0.02 * Math.max(Math.abs(min), Math.abs(max))) || 1) * 0.08;
  const y = (value) => (100 - (100 * (value - min + room)) / (max - min + 2 * room)).toFixed(2);
  const x = (epoch) => ((100 * epoch) / Math.max(1, median.length - 1)).toFixed(2);
  const points = (values) => values.flatMap((value, epoch) => (value === null ? [] : [`${x(epoch)} ${y(value)}`]));
  const marks = ticks(min - room, max + room);
  const drawing = svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" });
  drawing.append(svg("path", { class: "grid", d: marks.map(([value]) => `M0 ${y(value)}H100`).join("") }));
  if (low) drawing.append(svg("path", { class: "band hue1", d: "M" + [...points(high), ...points(low).reverse()].join("L") + "Z" }));
  drawing.append(svg("path", { class: "line hue1", d: "M" + points(median).join("L") }));
  const ys = make("div", { class: "ys" });
  for (const [value, label] of marks) ys.append(make("span", { class: "t", style: `top:${y(value)}%` }, label));
  const xs = make("div", { class: "xs" });
  const last = median.length;
  for (const epoch of last > 1 ? [1, last] : [1]) xs.append(make("span", { class: "t", style: `left:${x(epoch - 1)}%` }, String(epoch)));
  const label = make("div", { class: "ylabel" }, `validation ${what} by epoch`);
  return make("div", { class: "xy" }, label, ys, make("div", { class: "plot" }, drawing), make("div"), xs);
}

function seedTable(row, decimals) {
  const body = make("tbody");
  for (const [seed, value, ending, id, message] of row.seeds) {
    const bad = value === null && ending !== "not run" && ending !== "skipped";
    const shown = value === null ? `${bad ? "✕" : "–"} ${ending}` : value.toFixed(decimals);
    body.append(
      make(
        "tr",
        {},
        make("th", { scope: "row" }, String(seed)),
        make("td", { class: bad ? "state-bad" : "" }, shown),
        make("td", {}, make("code", {}, id || "–"), message ? make("div", { class: bad ? "state-bad" : "muted" }, message) : null),
      ),
    );
  }
  const head = make("tr", {}, ...["Seed", "Score", "Trial id"].map((text) => make("th", { scope: "col" }, text)));
  return make("table", { class: "tab" }, make("thead", {}, head), body);
}

function part(dataset, row, axis) {
  const facts = [`${row.n[0]} of ${row.n[1]} seeds`];
  if (row.rank) facts.push(`rank ${row.rank}`);
  if (row.toBest) facts.push(`${row.toBest}${dataset.unit} to the best`);
  if (row.overSingle) facts.push(`${row.overSingle}${dataset.unit} over the best single modality`);
  const names = ["parameters", "FLOPs", "training", "a sample", "memory"];
  const costs = (row.costs ?? []).map((text, i) => (text === "–" ? null : `${text} ${names[i]}`)).filter(Boolean);
  return make(
    "div",
    {},
    make("h3", {}, `${dataset.name}: ${row.score}${SAME_SCORE ? "" : ` (${dataset.score})`}`),
    make("p", {}, facts.join(" · ")),
    costs.length ? make("p", { class: "muted" }, costs.join(" · ")) : null,
    row.reason ? make("p", { class: "state-bad" }, row.reason) : null,
    axis && row.mean ? seedStrip(row, axis, dataset.decimals) : null,
    row.curve ? curvePlot(row.curve, dataset.curve) : null,
    seedTable(row, dataset.decimals),
  );
}

function drawDetail() {
  const key = state.get("cell");
  const parts = DATA.datasets.filter((each) => key && each.rows[key]);
  detail.hidden = !parts.length;
  document.documentElement.classList.toggle("with-detail", parts.length > 0);
  if (!parts.length) return;
  byId("detail-title").textContent = key;
  const shared = scoreAxis(parts.map((each) => each.rows[key]));
  const axisOf = (each) => (SAME_SCORE ? shared : scoreAxis([each.rows[key]]));
  const view = current("view");
  parts.sort((a, b) => (b.name === view) - (a.name === view));
  const body = make("div", { class: "parts" }, ...parts.map((each) => part(each, each.rows[key], axisOf(each))));
  detail.querySelector(".body").replaceChildren(body);
}

function closeDetail() {
  choose("cell", null);
  opener?.focus?.();
}
byId("detail-close").addEventListener("click", closeDetail);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !detail.hidden) closeDetail();
});

listeners.push(drawDetail);
addEventListener("hashchange", () => {
  readAddress();
  apply();
});
readAddress();
apply();
