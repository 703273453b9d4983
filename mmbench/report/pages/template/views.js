/* The switch between data sets, the choices of cost and factor, picking a cell, and the link to copy. */
const firstValue = (name) => document.querySelector(`[data-set="${name}"]`)?.dataset.value ?? "";
const current = (name) => {
  const wanted = state.get(name);
  const known = all(`[data-set="${name}"]`).some((button) => button.dataset.value === wanted);
  return known ? wanted : firstValue(name);
};

/* A part of the page shows the chosen data set; where it has nothing over "all", it shows every data set. */
function showViews() {
  const wanted = current("view");
  const groups = new Map();
  for (const view of all(".view")) {
    const group = groups.get(view.parentElement) ?? [];
    groups.set(view.parentElement, [...group, view]);
  }
  for (const group of groups.values()) {
    const has = group.some((view) => view.dataset.view === wanted);
    for (const view of group) {
      const chosen = view.dataset.view === wanted || (!has && (wanted === "all" || wanted === ""));
      const choice = view.dataset.choice;
      view.hidden = !chosen || (choice !== undefined && current(choice) !== "" && view.dataset.value !== current(choice));
    }
  }
  for (const part of all(".choice:not(.view)")) {
    const value = current(part.dataset.choice);
    part.hidden = value !== "" && part.dataset.value !== value;
  }
  document.documentElement.classList.remove("loading");
  sayWhatIsShown(wanted);
  for (const button of all("[data-set]")) {
    button.setAttribute("aria-pressed", String(button.dataset.value === current(button.dataset.set)));
  }
}

/* Beside the heading of each part that obeys the switch: what it shows now. */
function sayWhatIsShown(view) {
  const chosen = all("[data-set]").find((button) => button.dataset.set === "view" && button.dataset.value === view);
  if (!chosen) return;
  for (const section of all(".sections > section")) {
    if (!section.querySelector(".view")) continue;
    const chip = section.querySelector(":scope > .shows") ?? make("span", { class: "shows" });
    chip.textContent = chosen.firstChild.textContent.trim();
    section.prepend(chip);
  }
}

function markPicked() {
  const key = state.get("cell");
  for (const element of all(".selected")) element.classList.remove("selected");
  if (!key) return;
  for (const element of all(`[data-k="${CSS.escape(key)}"]`)) {
    element.classList.add("selected");
  }
}

let opener = null;

/* Open (or, picked again, close) a method's drill-down. `from` gets the focus back. */
function pick(key, from) {
  opener = from;
  choose("cell", state.get("cell") === key ? null : key);
}

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-set], a.pick, .cell[data-k], .contents a, .sortable tbody tr");
  if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (target.dataset.set) return choose(target.dataset.set, target.dataset.value);
  if (target.matches(".contents a")) {
    event.preventDefault();
    return document.querySelector(target.getAttribute("href")).scrollIntoView();
  }
  event.preventDefault();
  pick(target.dataset.k ?? target.closest("[data-k]").dataset.k, target);
  if (event.detail === 0 && state.get("cell")) byId("detail-title").focus();
});

/* Put a text on the clipboard, and say so on the button. */
async function copy(button, text, otherwise) {
  const label = button.textContent;
  let said = "Copied";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    said = otherwise;
  }
  button.textContent = said;
  setTimeout(() => (button.textContent = label), 2500);
}

byId("copy").addEventListener("click", (event) => copy(event.currentTarget, location.href, "Copy the address of this page"));
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button, button.dataset.copy, "Not allowed here");
});

/* On paper there is a summary, unless the address asks for everything: #print=all. */
function choosePrint() {
  document.documentElement.classList.toggle("print-all", state.get("print") === "all");
}
addEventListener("beforeprint", () => {
  const folded = state.get("print") === "all" ? "details:not(#columns)" : "#provenance details";
  for (const details of all(folded)) details.open = true;
});

listeners.push(showViews, markPicked, choosePrint);
