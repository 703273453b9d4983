/* Heatmaps as grids: one stop in the tab order each, arrow keys inside, Enter opens. */
for (const table of all(".heat")) {
  const cells = all(".cell[data-k]", table);
  if (!cells.length) continue;
  table.setAttribute("role", "grid");
  for (const cell of cells) cell.tabIndex = -1;
  cells[0].tabIndex = 0;
}

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

document.addEventListener("keydown", (event) => {
  const cell = event.target.closest?.(".heat .cell[data-k]");
  if (!cell) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    pick(cell.dataset.k, cell);
    if (state.get("cell")) byId("detail-title").focus();
    return;
  }
  const row = cell.parentElement;
  let next = null;
  if (event.key === "Home") next = row.querySelector(".cell[data-k]");
  else if (event.key === "End") next = all(".cell[data-k]", row).at(-1);
  else if (event.key in STEPS) {
    const [down, right] = STEPS[event.key];
    next = row.parentElement.rows[row.sectionRowIndex + down]?.cells[cell.cellIndex + right];
  } else return;
  event.preventDefault();
  if (!next?.dataset.k) return;
  cell.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});
