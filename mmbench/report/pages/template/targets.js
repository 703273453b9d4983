/* What stands behind a score: each class, label or number by itself, and which classes are taken for which. */
const KINDS = {
  classes: ["Classes", "Class", ["Precision", "Recall", "F1", "Samples"]],
  labels: ["Labels", "Label", ["Precision", "Recall", "F1", "Samples"]],
  numbers: ["Numbers", "Number", ["Mean absolute error", "R\u00b2", "Mean error"]],
};

/* Fractions with three decimals; whole numbers, and what is large, as they are. */
function figure(value, whole) {
  if (value === null) return "\u2013";
  return whole ? Math.round(value).toLocaleString("en") : Math.abs(value) < 10 ? value.toFixed(3) : String(value);
}

function table(caption, head, rows, kind = "tab") {
  const heads = head.map((text, i) => make("th", { scope: "col", class: i ? "num" : null }, text));
  const body = make("tbody", {}, ...rows);
  return make("div", { class: "scroll" }, make("table", { class: kind }, make("caption", {}, caption), make("thead", {}, make("tr", {}, ...heads)), body));
}

function scoresByTarget(dataset, found, noun, columns) {
  const rows = found.targets.map(([i, ...values]) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, dataset.targets[i]),
      ...values.map((value, k) => make("td", { class: "num" }, figure(value, columns[k] === "Samples"))),
    ),
  );
  const left = dataset.targets.length - found.targets.length;
  return table(left ? `The ${found.targets.length} worst of ${dataset.targets.length}` : "Each by itself", [noun, ...columns], rows);
}

/* Rows are what is true, columns what was answered; a cell is as dark as its share of the row. */
function matrix(dataset, found) {
  const rows = found.matrix.map((counts, i) => {
    const all = counts.reduce((a, b) => a + b, 0);
    const cells = counts.map((n, k) => {
      const share = all ? n / all : 0;
      const said = `${dataset.targets[i]} taken for ${dataset.targets[k]}: ${n.toLocaleString("en")} of ${all.toLocaleString("en")}`;
      return make("td", { class: `num${i === k ? " right" : ""}`, style: `--share:${(45 * share).toFixed(1)}%`, "data-tip": i === k ? said.replace("taken for", "found as") : said }, `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)}`);
    });
    return make("tr", {}, make("th", { scope: "row" }, dataset.targets[i]), ...cells);
  });
  return table("Confusion, % of each true class (rows) by answer (columns)", ["", ...dataset.targets], rows, "tab confusion");
}

function confusedMost(dataset, found) {
  const rows = found.confused.map(([i, k, n]) =>
    make("tr", {}, make("th", { scope: "row" }, dataset.targets[i]), make("td", { class: "num" }, dataset.targets[k]), make("td", { class: "num" }, n.toLocaleString("en"))),
  );
  return table("Confused most", ["True", "Answer", "Samples"], rows);
}

function targetParts(dataset, row) {
  if (!row.parts) return null;
  const [title, noun, columns] = KINDS[dataset.kind];
  const open = detail.classList.contains("whole") ? "" : null;
  const { runs, matrix: counts, confused } = row.parts;
  return make(
    "details",
    { open },
    make("summary", {}, `${title} on test, ${runs === 1 ? "one seed" : `${runs} seeds together`}`),
    counts ? matrix(dataset, row.parts) : null,
    confused ? confusedMost(dataset, row.parts) : null,
    scoresByTarget(dataset, row.parts, noun, columns),
  );
}
