/* Every table as CSV or LaTeX, as it is sorted, filtered and shown now: copied, or saved as a file. */
const LATEX = { "&": "\\&", "%": "\\%", $: "\\$", "#": "\\#", _: "\\_", "{": "\\{", "}": "\\}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "\\": "\\textbackslash{}" };
const SIGNS = { "\u00b1": "$\\pm$", "\u2212": "$-$", "\u2191": "$\\uparrow$", "\u2193": "$\\downarrow$", "\u00b7": "$\\cdot$", "\u00b5": "$\\mu$", "\u2264": "$\\le$", "\u2013": "--", "\u00d7": "$\\times$", "\u03c9": "$\\omega$", "\u00b2": "$^2$", "\u00a0": "~", "\u2715": "failed" };

const latexText = (text) => [...text].map((sign) => LATEX[sign] ?? SIGNS[sign] ?? sign).join("");
const csvText = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/* Cells as text; in CSV numbers are those that rows are sorted by, which are not rounded for the eye. */
function cellsOf(row, columns, raw) {
  return columns.map((i) => {
    const cell = row.cells[i];
    if (!cell) return "";
    return ((raw && cell.dataset.v) || cell.textContent).replace(/\s+/g, " ").trim();
  });
}

function asText(table, kind) {
  const entry = tables.find((each) => each.table === table);
  const heads = [...table.tHead.rows[0].cells];
  const columns = heads.map((_, i) => i).filter((i) => !heads[i].classList.contains("strip") && (!entry || isShown(heads[i])));
  const rows = entry ? arranged(entry) : [...table.tBodies[0].rows];
  const titles = cellsOf({ cells: heads }, columns, false);
  if (kind === "CSV") return [titles, ...rows.map((row) => cellsOf(row, columns, true))].map((row) => row.map(csvText).join()).join("\n") + "\n";
  const line = (row) => `${row.map(latexText).join(" & ")} \\\\`;
  const shape = columns.map((i) => (heads[i].classList.contains("num") ? "r" : "l")).join("");
  const body = rows.map((row) => line(cellsOf(row, columns, false)));
  return [`\\begin{tabular}{${shape}}`, "\\toprule", line(titles), "\\midrule", ...body, "\\bottomrule", "\\end{tabular}", ""].join("\n");
}

/* A file made here. A frame without downloads (MLflow's) shows nothing then; copying works there. */
function save(name, content, type) {
  const link = make("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

for (const table of all("table.sortable, table.data")) {
  const acts = make("p", { class: "as-text" });
  for (const kind of ["CSV", "LaTeX"]) {
    const button = make("button", { type: "button", class: "btn small" }, `Copy as ${kind}`);
    button.addEventListener("click", () => copy(button, asText(table, kind), "Not allowed here"));
    acts.append(button);
  }
  (table.closest(".tall, .scroll") ?? table).after(acts);
}
