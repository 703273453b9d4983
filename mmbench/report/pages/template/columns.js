/* Which columns of the large tables are shown. On a phone that is the score alone, and a second line in each row has
   what matters most beside it. */
const narrow = matchMedia("(max-width: 700px)");
const columnStyle = document.head.appendChild(make("style"));
const columnTitle = (header) => (header.dataset.name ? header.querySelector("button").firstChild.textContent.trim() : "Interval, drawn");
const columnName = (header) => header.dataset.name ?? "interval";
tables.forEach(({ table }, i) => (table.dataset.at = String(i)));

function shownAtFirst(header) {
  return narrow.matches ? columnName(header) === "score" : header.dataset.optional === undefined;
}

/* In the address stand the columns that differ from what is shown at first. */
function isShown(header) {
  return header.cellIndex === 0 || shownAtFirst(header) !== state.getAll("column").includes(columnName(header));
}

function drawColumns() {
  const rules = [];
  for (const { table } of tables) {
    for (const header of all("thead th", table)) {
      if (!isShown(header)) rules.push(`[data-at="${table.dataset.at}"] tr > :nth-child(${header.cellIndex + 1})`);
    }
  }
  const hidden = rules.length ? `${rules.join()} { display: none; }` : "";
  columnStyle.textContent = `@media screen { ${hidden} }`;
  drawChoice();
  for (const entry of tables) if (!entry.view.hidden) entry.shown.forEach((row) => addSecondLine(entry, row));
}

function drawChoice() {
  const entry = tables.find((each) => !each.view.hidden);
  if (!entry) return byId("columns").remove();
  const boxes = all("thead th", entry.table).slice(1).map((header) => {
    const box = make("input", { type: "checkbox" });
    box.checked = isShown(header);
    box.addEventListener("change", () => {
      const name = columnName(header);
      const chosen = state.getAll("column");
      choose("column", chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]);
      all("input", byId("columns"))[header.cellIndex - 1].focus();
    });
    return make("label", {}, box, ` ${columnTitle(header)}`);
  });
  byId("columns").querySelector("div").replaceChildren(...boxes);
}

const SECOND = [["half", ""], ["to_best", " to best"], ["parameters", ""], ["train", ""]];

function addSecondLine(entry, row) {
  if (!narrow.matches || row.cells[0].dataset.second !== undefined) return;
  const found = SECOND.map(([name, unit]) => {
    const header = entry.table.querySelector(`thead th[data-name="${name}"]`);
    const text = header ? row.cells[header.cellIndex].textContent.trim() : "";
    return text && text !== "\u2013" ? text + unit : "";
  });
  row.cells[0].dataset.second = found.filter(Boolean).join(" \u00b7 ");
}

narrow.addEventListener("change", drawColumns);
listeners.push(drawColumns);
