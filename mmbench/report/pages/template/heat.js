/* Heatmaps as grids: one stop in the tab order each, arrow keys inside, also to the names; Enter opens or selects. */
const GRID = ".heat[role=grid] :is(.cell[data-k], th[data-l])";
for (const table of all(".heat")) {
  const cells = all(".cell[data-k]", table);
  if (!cells.length) continue;
  table.setAttribute("role", "grid");
  for (const stop of all(".cell[data-k], th[data-l]", table)) stop.tabIndex = -1;
  cells[0].tabIndex = 0;
}

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

document.addEventListener("keydown", (event) => {
  const stop = event.target.closest?.(GRID);
  if (!stop) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    if (stop.dataset.l !== undefined) return toggleLevel(stop.dataset.f, stop.dataset.l);
    pick(stop.dataset.k, stop);
    if (state.get("cell")) byId("detail-title").focus();
    return;
  }
  const row = stop.parentElement;
  const table = stop.closest("table");
  let next = null;
  if (event.key === "Home") next = row.querySelector(".cell[data-k]");
  else if (event.key === "End") next = all(".cell[data-k]", row).at(-1);
  else if (event.key in STEPS) {
    const [down, right] = STEPS[event.key];
    next = table.rows[row.rowIndex + down]?.cells[stop.cellIndex + right];
  } else return;
  event.preventDefault();
  if (!next?.matches(GRID)) return;
  for (const each of all('[tabindex="0"]', table)) each.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});

/* A box that scrolls sideways must be reachable by keyboard; one that does not would be a stop for nothing. */
function reachScrolling() {
  for (const box of all(".scroll")) {
    if (box.querySelector("a, button, [tabindex]:not(.scroll)")) continue;
    const scrolls = box.scrollWidth > box.clientWidth;
    if (scrolls) {
      box.tabIndex = 0;
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", box.querySelector("caption")?.textContent.trim() ?? "Table");
    } else for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
  }
}

/* What goes on to the right fades out there: a sign that it scrolls. */
function showCut() {
  for (const box of all(".scroll, .tall")) box.classList.toggle("cut", box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
}
for (const box of all(".scroll, .tall")) box.addEventListener("scroll", showCut, { passive: true });
document.addEventListener("toggle", () => (reachScrolling(), showCut()), true);
addEventListener("resize", () => (reachScrolling(), showCut()));
listeners.push(reachScrolling, () => setTimeout(showCut));
