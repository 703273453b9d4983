/* Once for a method, whatever the data set: how to repeat it, what it was trained with, and where its runs are. */
function command(dataset, key) {
  const [role, attention, fusion, architecture] = DATA.methods[key];
  const plain = {
    cell: () => `--attention ${attention} --fusion ${fusion} --architecture ${architecture}`,
    single: () => `--attention ${attention} --single ${key.split(" \u00b7 ")[1].replace(/ alone$/, "")}`,
    baseline: () => `--baseline ${key.replace(/ baseline$/, "")}`,
  };
  return `${dataset.run} ${DATA.options[key] ?? plain[role]()} --save`;
}

function runAgain(key, parts) {
  const lines = parts.map((dataset) => {
    const text = command(dataset, key);
    return make("li", {}, make("code", {}, text), " ", make("button", { type: "button", class: "btn small", "data-copy": text, "aria-label": `Copy: ${text}` }, "Copy"));
  });
  const note = "In the project\u2019s folder: trains the first seed again and keeps the model; --seed 1 is the next one.";
  return make("div", { class: "again" }, make("h3", {}, "Run it again"), make("ul", { class: "plain" }, ...lines), make("p", { class: "muted" }, note));
}

/* What is the same on all data sets once; what differs by data set. */
function configuration(key, parts) {
  const own = parts.filter((each) => each.rows[key].config !== undefined);
  if (!own.length) return null;
  const values = own.map((each) => new Map(DATA.configs[each.rows[key].config]));
  const list = make("dl", { class: "facts" });
  for (const name of new Set(values.flatMap((each) => [...each.keys()]))) {
    const found = values.map((each) => each.get(name) ?? "\u2013");
    const same = new Set(found).size === 1;
    const text = same ? found[0] : found.map((value, i) => `${own[i].name}: ${value}`).join("; ");
    list.append(make("dt", {}, name), make("dd", {}, same ? text : make("b", {}, text)));
  }
  const open = detail.classList.contains("whole") ? "" : null;
  return make("details", { open }, make("summary", {}, `Configuration${own.length > 1 ? ", what differs by data set in bold" : ""}`), list);
}

/* The page knows no server: `mmbench ui` opens it with the address of one, and then trial ids are links. */
function inTracking() {
  if (DATA.tracking === null) return null;
  const place = experiment();
  const text = place ? "Trial ids lead to their runs. All of them: " : "Every seed is a run in MLflow: mmbench ui starts it and opens this page with links to the runs.";
  const link = place ? make("a", { href: `${place}/runs?workflowType=machine_learning`, target: "_blank", rel: "noopener" }, `the experiment ${DATA.tracking} in MLflow`) : null;
  return make("p", { class: "muted" }, text, link);
}

function sharedParts(key, parts) {
  return [runAgain(key, parts), inTracking(), configuration(key, parts)].filter(Boolean);
}
