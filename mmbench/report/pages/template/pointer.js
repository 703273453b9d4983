/* Tooltips, and finding the dot of a cost plot that lies under the pointer. */
const tip = byId("tip");

function showTip(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const left = Math.max(8, Math.min(x + 14, innerWidth - tip.offsetWidth - 8));
  const above = y + 20 + tip.offsetHeight > innerHeight;
  tip.style.left = `${left}px`;
  tip.style.top = `${above ? Math.max(8, y - tip.offsetHeight - 12) : y + 18}px`;
}

const tipOf = (element) => {
  const owner = element.closest?.("[data-tip], .heat .cell");
  return owner && (owner.dataset.tip ?? owner.getAttribute("aria-label"));
};

document.addEventListener("pointermove", (event) => {
  const text = readOut(event) ?? tipOf(event.target) ?? nearestText(event);
  if (text) showTip(text, event.clientX, event.clientY);
  else tip.hidden = true;
});
document.addEventListener("pointerleave", () => (tip.hidden = true));
document.addEventListener("focusin", (event) => {
  const text = event.target.matches(":focus-visible") && tipOf(event.target);
  const box = event.target.getBoundingClientRect();
  if (text) showTip(text, box.left + box.width / 2 - 14, box.bottom - 8);
  else tip.hidden = true;
});

/* Where a method stands on a cost plot, in shares of its box; null where it has no such cost or no score. */
function placeOn(plot, row) {
  const cost = row.cost?.[DATA.costs.indexOf(plot.dataset.cost)];
  if (!cost || !row.mean) return null;
  const [x0, x1] = plot.dataset.x.split(" ").map((v) => Math.log(Number(v)));
  const [y0, y1] = plot.dataset.y.split(" ").map(Number);
  return [(Math.log(cost) - x0) / (x1 - x0), 1 - (row.mean[1] - y0) / (y1 - y0)];
}

const rowsOf = (name) => DATA.datasets.find((each) => each.name === name).rows;

function nearest(event) {
  const box = event.target.closest?.(".xy[data-cost] .plot");
  if (!box) return null;
  const plot = box.closest(".xy");
  const area = box.getBoundingClientRect();
  let best = null;
  let least = 14;
  for (const [key, row] of Object.entries(rowsOf(plot.dataset.dataset))) {
    const place = placeOn(plot, row);
    if (!place) continue;
    const far = Math.hypot(area.left + place[0] * area.width - event.clientX, area.top + place[1] * area.height - event.clientY);
    if (far < least) [least, best] = [far, { key, row, cost: row.costs[DATA.costs.indexOf(plot.dataset.cost)] }];
  }
  return best;
}

function nearestText(event) {
  const found = nearest(event);
  return found && `${titleOf(found.key)}\n${found.row.score}\n${found.cost}${found.row.verdict ? `\n${found.row.verdict}` : ""}`;
}

document.addEventListener("click", (event) => {
  if (event.target.closest?.("a")) return;
  const found = nearest(event);
  if (found) pick(found.key, event.target.closest(".xy"));
});

/* A ring around the picked method on every cost plot. */
listeners.push(() => {
  for (const ring of all(".here")) ring.remove();
  const key = state.get("cell");
  if (!key) return;
  for (const plot of all(".xy[data-cost]")) {
    const row = rowsOf(plot.dataset.dataset)[key];
    const place = row && placeOn(plot, row);
    if (!place) continue;
    plot.querySelector(".plot").append(make("span", { class: "here", style: `left:${100 * place[0]}%;top:${100 * place[1]}%` }));
  }
});
