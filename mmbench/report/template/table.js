/* The large tables: sorting by the buttons in the headers, filters, and rows in portions. */
const PORTION = 200;
const tables = all("table.sortable").map((table) => {
  const rest = table.parentElement.querySelector("template");
  const rows = [...table.tBodies[0].rows, ...(rest ? all("tr", rest.content) : [])];
  const view = table.closest(".view");
  return { table, view, rows, limit: PORTION, text: new Map() };
});

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
  if (!entry.text.has(row)) entry.text.set(row, row.textContent.toLowerCase());
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

function drawTable(entry) {
  if (entry.view.hidden) return;
  const [name, way] = (state.get("sort") ?? "").split(":");
  for (const header of headers(entry)) header.setAttribute("aria-sort", header.dataset.name === name ? way : "none");
  const found = sorted(entry, entry.rows.filter((row) => passes(entry, row)));
  const shown = found.slice(0, entry.limit);
  entry.table.tBodies[0].replaceChildren(...shown);
  const total = entry.rows.length;
  const of = found.length < total ? ` that match, ${total} in all` : "";
  entry.view.querySelector(".count").textContent = `${shown.length} of ${found.length} rows${of}.`;
  entry.view.querySelector(".more").hidden = shown.length === found.length;
}

for (const button of all("[data-toggle]")) {
  button.addEventListener("click", () => {
    toggleLevel(button.dataset.toggle, button.dataset.value);
  });
}
byId("find").addEventListener("input", (event) => choose("find", event.target.value));
byId("clear").addEventListener("click", () => {
  for (const name of ["find", "show", ...FACTORS]) state.delete(name);
  choose("find", null);
});

function drawTables() {
  for (const button of all("[data-toggle]")) {
    const { toggle, value } = button.dataset;
    button.setAttribute("aria-pressed", String(state.getAll(toggle).includes(value)));
  }
  if (byId("find").value !== (state.get("find") ?? "")) byId("find").value = state.get("find") ?? "";
  const active = ["find", "show", ...FACTORS].some((name) => state.has(name));
  byId("clear").hidden = !active;
  tables.forEach(drawTable);
  markPicked();
}

listeners.push(drawTables);
