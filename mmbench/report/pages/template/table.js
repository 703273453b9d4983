/* The large tables: sorting by the buttons in the headers, filters, and rows in portions. */
const PORTION = 200;
const tables = all("table.sortable").map((table) => {
  const rows = [...table.tBodies[0].rows];
  const view = table.closest(".view");
  const total = Number(view.querySelector(".count").dataset.rows);
  return { table, view, rows, shown: rows, total, limit: PORTION, text: new Map() };
});

/* All rows in the report's order. Those kept back are text until something asks for them: thousands of rows of a data
   set that nobody opens would otherwise be parsed before the page can be used. */
function everyRow(entry) {
  if (entry.rows.length < entry.total) {
    const rest = make("template");
    rest.innerHTML = entry.table.parentElement.querySelector(".kept").textContent;
    const rows = all("tr", rest.content);
    for (const row of rows) row.querySelector("a.pick").href = `#${new URLSearchParams({ cell: row.dataset.k })}`;
    entry.rows = [...entry.rows, ...rows];
  }
  return entry.rows;
}

const filtered = () => ["find", "show", ...FACTORS].some((name) => state.has(name));

/* The rows that pass, in the chosen order. */
function arranged(entry) {
  return sorted(entry, everyRow(entry).filter((row) => passes(entry, row)));
}

function headers(entry) {
  return all("thead th[data-name]", entry.table);
}

for (const entry of tables) {
  for (const header of headers(entry)) {
    const button = make("button", { type: "button" }, ...header.childNodes);
    header.append(button);
    header.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const [name, way] = (state.get("sort") ?? "").split(":");
      const down = header.dataset.kind === "num" && header.dataset.name !== "rank" && !header.dataset.low;
      const first = down ? "descending" : "ascending";
      const other = down ? "ascending" : "descending";
      const next = name !== header.dataset.name ? first : way === first ? other : null;
      choose("sort", next && `${header.dataset.name}:${next}`);
    });
  }
  entry.view.querySelector(".more").addEventListener("click", () => {
    entry.limit += 5 * PORTION;
    drawTable(entry);
  });
}

function textOf(entry, row) {
  /* Names as settings have them are found, too. */
  if (!entry.text.has(row)) entry.text.set(row, `${row.textContent} ${row.dataset.k}`.toLowerCase());
  return entry.text.get(row);
}

function passes(entry, row) {
  const shown = state.getAll("show");
  if (shown.length && !shown.includes(DATA.methods[row.dataset.k][0])) return false;
  if (!matches(row.dataset.k)) return false;
  const words = (state.get("find") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((word) => textOf(entry, row).includes(word));
}

/* Rows without a value stay last, whichever way the others run. */
function sorted(entry, rows) {
  const [name, way] = (state.get("sort") ?? "").split(":");
  const header = headers(entry).find((each) => each.dataset.name === name);
  if (!header) return rows;
  const sign = way === "descending" ? -1 : 1;
  const numeric = header.dataset.kind === "num";
  const value = (row) => {
    const cell = row.cells[header.cellIndex];
    return cell.dataset.v ?? cell.textContent;
  };
  const keyed = rows.map((row) => [value(row), row]);
  keyed.sort(([a], [b]) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * (numeric ? Number(a) - Number(b) : a.localeCompare(b));
  });
  return keyed.map(([, row]) => row);
}

/* What rows are asked for: `zzz with hybrid`. */
function chosenWords() {
  const levels = FACTORS.flatMap((factor) => state.getAll(factor).map((level) => DATA.levels[factor]?.[level] ?? level));
  const roles = state.getAll("show").map((role) => document.querySelector(`[data-toggle="show"][data-value="${role}"]`)?.textContent ?? role);
  const wanted = [...levels, ...roles].join(", ");
  return [state.get("find") && `\u201c${state.get("find")}\u201d`, wanted].filter(Boolean).join(" with ");
}

function drawTable(entry) {
  if (entry.view.hidden) return;
  const [name, way] = (state.get("sort") ?? "").split(":");
  for (const header of headers(entry)) header.setAttribute("aria-sort", header.dataset.name === name ? way : "none");
  const plain = !filtered() && !state.has("sort");
  const enough = plain && (entry.limit <= entry.rows.length || entry.rows.length === entry.total);
  const found = enough ? entry.rows : arranged(entry);
  const shown = found.slice(0, entry.limit);
  const same = shown.length === entry.shown.length && shown.every((row, i) => row === entry.shown[i]);
  if (!same) entry.table.tBodies[0].replaceChildren(...shown);
  entry.shown = shown;
  const matching = plain ? entry.total : found.length;
  const of = matching < entry.total ? ` that match, ${entry.total} in all` : "";
  const count = entry.view.querySelector(".count");
  count.textContent = matching ? `${shown.length} of ${matching} rows${of}.` : `No row matches ${chosenWords()}. `;
  if (!matching) {
    const again = make("button", { type: "button", class: "btn small" }, "Clear filters");
    again.addEventListener("click", clearFilters);
    count.append(again);
  }
  entry.view.querySelector(".more").hidden = shown.length === matching;
}

for (const button of all("[data-toggle]")) {
  button.addEventListener("click", () => {
    toggleLevel(button.dataset.toggle, button.dataset.value);
  });
}
byId("find").addEventListener("input", (event) => choose("find", event.target.value));
function clearFilters() {
  for (const name of ["find", "show", ...FACTORS]) state.delete(name);
  choose("find", null);
}
byId("clear").addEventListener("click", clearFilters);

function drawTables() {
  for (const button of all("[data-toggle]")) {
    const { toggle, value } = button.dataset;
    button.setAttribute("aria-pressed", String(state.getAll(toggle).includes(value)));
  }
  if (byId("find").value !== (state.get("find") ?? "")) byId("find").value = state.get("find") ?? "";
  byId("clear").hidden = !filtered();
  tables.forEach(drawTable);
  markPicked();
}

listeners.push(drawTables);
