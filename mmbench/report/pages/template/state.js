/* What the reader has chosen lives in the address, so that a view can be sent to someone: #view=…&cell=…&sort=… */
const DATA = JSON.parse(document.getElementById("data").textContent);
for (const [key, parts] of Object.entries(DATA.methods)) DATA.methods[key] = parts.map((each) => DATA.words[each]);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const byId = (id) => document.getElementById(id);
const listeners = [];
let state = new URLSearchParams();

/* An address without "=" is a plain anchor such as #cost. */
function readAddress() {
  const hash = location.hash.slice(1);
  state = new URLSearchParams(hash.includes("=") ? hash : "");
}

/* In a sandboxed frame (MLflow shows artifacts in one) the address may be out of reach: the page then works without. */
function writeAddress() {
  try {
    history.replaceState(null, "", "#" + state);
  } catch {
    /* No address to keep the view in. */
  }
}

/* Set one thing (null, "" or an empty list: forget it), remember it and redraw what depends on it. */
function choose(name, value) {
  state.delete(name);
  for (const one of Array.isArray(value) ? value : [value]) if (one) state.append(name, one);
  writeAddress();
  apply();
}

function apply() {
  for (const listener of listeners) listener();
}

/* A small element builder: text is always text, never markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}
