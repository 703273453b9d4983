/* The drill-down of one method: its seeds on every data set, its learning curves, failures and trial ids. */
const detail = byId("detail");
/* Between facts; never at the start of a line. */
const DOT = "\u00a0· ";
const SAME_SCORE = new Set(DATA.datasets.map((each) => each.score)).size === 1;

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

function seedStrip(row, axis, decimals, what) {
  const track = make("span", { class: "track" });
  for (const [value] of axis.ticks) track.append(make("span", { class: "tick", style: `left:${axis.at(value)}` }));
  if (row.mean && row.n[0] > 1) {
    const [low, , high] = row.mean.map(axis.at);
    track.append(make("span", { class: "ci", style: `left:${low};width:${(parseFloat(high) - parseFloat(low)).toFixed(2)}%` }));
  }
  for (const [seed, value] of row.seeds) {
    if (value === null) continue;
    track.append(make("span", { class: "seed", style: `left:${axis.at(value)}`, "data-tip": `Seed ${seed}: ${what} ${value.toFixed(decimals)}` }));
  }
  const names = make("span", { class: "track" });
  for (const [value, label] of axis.ticks) names.append(make("span", { class: "t", style: `left:${axis.at(value)}` }, label));
  return make("div", { class: "dots" }, make("div", { class: "row axis" }, names), make("div", { class: "row best" }, track));
}

function seedTable(row, dataset) {
  const body = make("tbody");
  const written = (value) => (value === null || value === undefined ? "\u2013" : value.toFixed(dataset.decimals));
  for (const [seed, value, ending, id, message, validation, epoch] of row.seeds) {
    const bad = value === null && ending !== "not run" && ending !== "skipped";
    const shown = value === null ? `${bad ? "\u2715" : "\u2013"} ${ending}` : written(value);
    body.append(
      make(
        "tr",
        {},
        make("th", { scope: "row" }, String(seed)),
        make("td", { class: bad ? "state-bad" : "" }, shown),
        make("td", {}, written(validation)),
        make("td", {}, epoch === undefined ? "\u2013" : String(epoch)),
        make("td", {}, make("code", {}, id || "\u2013"), message ? make("div", { class: bad ? "state-bad" : "muted" }, message) : null),
      ),
    );
  }
  const head = make("tr", {}, ...["Seed", "Test", "Validation", "Epoch", "Trial id"].map((text) => make("th", { scope: "col" }, text)));
  const caption = make("caption", { class: "sr" }, `${dataset.score} of every seed on ${dataset.name}`);
  return make("div", { class: "scroll" }, make("table", { class: "tab" }, caption, make("thead", {}, head), body));
}

/* The rows above and below in the table as it is sorted and filtered now. */
function neighbours(key) {
  const entry = tables.find((each) => !each.view.hidden);
  if (!entry) return [null, null];
  const keys = arranged(entry).map((row) => row.dataset.k);
  const place = keys.indexOf(key);
  return place < 0 ? [null, null] : [keys[place - 1] ?? null, keys[place + 1] ?? null];
}

let beside = [null, null];
for (const [i, id] of ["detail-before", "detail-after"].entries()) {
  byId(id).addEventListener("click", () => choose("cell", beside[i]));
}

/* A page of its own in the same file: the report steps aside and comes back where it was. */
let scrolled = 0;
function showWhole(whole) {
  const root = document.documentElement;
  if (whole === root.classList.contains("whole-detail")) return;
  if (whole) scrolled = scrollY;
  root.classList.toggle("whole-detail", whole);
  scrollTo({ top: whole ? 0 : scrolled, behavior: "instant" });
}
byId("detail-page").addEventListener("click", () => choose("page", state.has("page") ? null : "1"));

/* Costs, beside those of the best combination: on a machine that does other work too, seconds alone say little. */
function costWords(dataset, row) {
  const best = dataset.rows[dataset.best]?.cost;
  const names = ["parameters", "FLOPs", "training", "a sample", "memory", "for one sample alone"];
  return (row.costs ?? []).flatMap((text, i) => {
    if (text === "\u2013") return [];
    const times = best && best[i] && row.cost[i] && row !== dataset.rows[dataset.best] ? row.cost[i] / best[i] : null;
    const ratio = times === null ? "" : ` (${times < 10 ? Number(times.toPrecision(2)) : Math.round(times)} \u00d7 the best\u2019s)`;
    return [`${text} ${names[i]}${ratio}`];
  });
}

function part(dataset, row, axis) {
  const what = dataset.score.replace(/ [\u2191\u2193]$/, "");
  const facts = [`${row.n[0]} of ${row.n[1]} seeds`];
  if (row.validation) facts.push(`${row.validation} on validation`);
  if (row.rank) facts.push(`rank ${row.rank.replace(/ \((.+)\u2013(.+)\)/, " by its mean (from $1 to $2 with other seeds)")}`);
  if (row.verdict) facts.push(row.verdict);
  if (row.toBest) facts.push(`${row.toBest}${dataset.unit} to the best`);
  if (row.overSingle) facts.push(`${row.overSingle}${dataset.unit} over the best single modality`);
  const costs = costWords(dataset, row);
  const others = (row.beside ?? []).map((text, i) => text && `${dataset.beside[i].replace(/ [\u2191\u2193]$/, "")} ${text}`).filter(Boolean);
  return make(
    "div",
    {},
    make("h3", { "aria-level": state.has("page") ? "2" : null }, `${dataset.name}: ${row.score}${SAME_SCORE ? "" : ` (${dataset.score})`}`),
    make("p", { class: "muted" }, dataset.subtitle),
    make("p", {}, facts.join(DOT)),
    others.length ? make("p", { class: "muted" }, others.join(DOT)) : null,
    costs.length ? make("p", { class: "muted" }, costs.join(DOT)) : null,
    row.reason ? make("p", { class: "state-bad" }, row.reason) : null,
    axis && row.mean ? seedStrip(row, axis, dataset.decimals, what) : null,
    row.curve ? curvePlot(row.curve, dataset.curve) : null,
    seedTable(row, dataset),
    targetParts(dataset, row),
  );
}

function drawDetail() {
  const key = state.get("cell");
  const parts = DATA.datasets.filter((each) => key && each.rows[key]);
  detail.hidden = !parts.length;
  document.documentElement.classList.toggle("with-detail", parts.length > 0);
  const whole = parts.length > 0 && state.has("page");
  detail.classList.toggle("whole", whole);
  showWhole(whole);
  byId("detail-page").setAttribute("aria-pressed", String(whole));
  detail.setAttribute("role", whole ? "main" : "complementary");
  byId("detail-title").setAttribute("aria-level", whole ? "1" : "2");
  if (!parts.length) return;
  beside = neighbours(key);
  byId("detail-before").disabled = beside[0] === null;
  byId("detail-after").disabled = beside[1] === null;
  byId("detail-title").textContent = titleOf(key);
  const shared = scoreAxis(parts.map((each) => each.rows[key]));
  const axisOf = (each) => (SAME_SCORE ? shared : scoreAxis([each.rows[key]]));
  const view = current("view");
  parts.sort((a, b) => (b.name === view) - (a.name === view));
  const body = make("div", { class: "parts" }, ...parts.map((each) => part(each, each.rows[key], axisOf(each))));
  detail.querySelector(".body").replaceChildren(body, ...sharedParts(key, parts));
}

function closeDetail() {
  state.delete("page");
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
