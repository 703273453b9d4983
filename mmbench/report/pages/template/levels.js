/* Linked selection: a level picked in a heatmap, a list of means, a plot or a filter is highlighted in all of them. */
const FACTORS = ["attention", "fusion", "architecture"];

function toggleLevel(factor, level) {
  const chosen = state.getAll(factor);
  choose(factor, chosen.includes(level) ? chosen.filter((each) => each !== level) : [...chosen, level]);
}

/* How people read the name of a method: `scaled dot-product + concatenation · hybrid`. */
function titleOf(key) {
  const [, attention, fusion, architecture] = DATA.methods[key] ?? [];
  if (DATA.titles[key] || !architecture) return DATA.titles[key] ?? key;
  const { levels, architectures } = DATA;
  return `${levels.attention[attention]} + ${levels.fusion[fusion]} \u00b7 ${architectures[architecture]}`;
}

/* Whether a method has a level that was selected, of every factor of which one was. */
function matches(key) {
  const [, ...own] = DATA.methods[key] ?? [];
  return FACTORS.every((factor, i) => {
    const wanted = state.getAll(factor);
    return !wanted.length || wanted.includes(own[i]);
  });
}

/* A plot that shows none of the selected levels (only six are named) stays as it is. */
function hasAny(element, wanted) {
  const plot = element.closest(".xy");
  return !plot || all(`[data-f="${element.dataset.f}"]`, plot).some((each) => wanted.includes(each.dataset.l));
}

let highlighted = false;

function highlight() {
  const active = FACTORS.some((factor) => state.has(factor));
  drawChosen();
  if (!active && !highlighted) return;
  highlighted = active;
  for (const element of all("[data-l]")) {
    const wanted = state.getAll(element.dataset.f);
    const lit = wanted.includes(element.dataset.l);
    element.classList.toggle("lit", lit);
    element.classList.toggle("off", wanted.length > 0 && !lit && hasAny(element, wanted));
    if (element.matches(".heat[role=grid] th")) element.setAttribute("aria-selected", String(lit));
    element.querySelector(".level-name")?.setAttribute("aria-pressed", String(lit));
  }
  const known = new Map(Object.keys(DATA.methods).map((key) => [key, !active || matches(key)]));
  for (const element of all(".heat .cell[data-k], .dots .row[data-k], .xy .pin")) {
    element.classList.toggle("off", known.get(element.dataset.k) === false);
  }
  for (const plot of all(".xy[data-cost]")) {
    plot.querySelector(".matching")?.remove();
    for (const cloud of all(".cloud", plot)) cloud.classList.toggle("off", active);
    if (!active) continue;
    const path = [];
    for (const [key, row] of Object.entries(rowsOf(plot.dataset.dataset))) {
      const place = known.get(key) && placeOn(plot, row);
      if (place && place.every((each) => each >= 0 && each <= 1)) path.push(`M${(100 * place[0]).toFixed(2)} ${(100 * place[1]).toFixed(2)}h0`);
    }
    plot.querySelector("svg").append(svg("path", { class: "matching", d: path.join("") }));
  }
}

/* The selection, always in sight, each with a way to undo it. */
function drawChosen() {
  const chosen = FACTORS.flatMap((factor) => state.getAll(factor).map((level) => [factor, level]));
  byId("chosen").hidden = !chosen.length;
  const buttons = chosen.map(([factor, level]) => {
    const title = DATA.levels[factor]?.[level] ?? level;
    const button = make("button", { type: "button", class: "btn", "aria-label": `${title} ✕: no longer select this ${factor}` }, `${title} ✕`);
    button.addEventListener("click", () => {
      toggleLevel(factor, level);
      (byId("chosen").querySelector("button") ?? byId("copy")).focus();
    });
    return button;
  });
  byId("chosen").replaceChildren(...buttons);
}

/* In lists of means the names become buttons; in heatmaps the arrow keys reach them (heat.js). */
for (const row of all(".dots .row[data-l]")) {
  const name = row.querySelector(".name");
  name.replaceChildren(make("button", { type: "button", class: "level-name" }, ...name.childNodes));
}

document.addEventListener("click", (event) => {
  const element = event.target.closest?.("[data-l]");
  if (element && !event.ctrlKey && !event.metaKey && !event.shiftKey) toggleLevel(element.dataset.f, element.dataset.l);
});

listeners.push(highlight);
