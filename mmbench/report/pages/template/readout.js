/* Values under the pointer: a line across a plot of curves, and what each named curve is there. The curves are read off
   the paths that are drawn, on the axes that the plot names. */
const paths = new WeakMap();

/* Corners of a path of M, L, H and V, in % of the plot. */
function cornersOf(path) {
  if (paths.has(path)) return paths.get(path);
  const found = [];
  let [x, y] = [0, 0];
  for (const [, sign, numbers] of path.getAttribute("d").matchAll(/([MLHVh])([^MLHVh]*)/g)) {
    const [a, b] = numbers.trim().split(/[ ,]+/).map(Number);
    if (sign === "h") continue;
    [x, y] = sign === "H" ? [a, y] : sign === "V" ? [x, a] : [a, b];
    found.push([x, y]);
  }
  paths.set(path, found);
  return found;
}

/* From a place in % to a value on an axis "low high" or "low high log". */
function valueAt(axis, place) {
  const [low, high, log] = axis.split(" ");
  const share = place / 100;
  if (log) return Number(low) * (Number(high) / Number(low)) ** share;
  return Number(low) + share * (Number(high) - Number(low));
}

function spoken(value, how) {
  if (how !== "figures") return value.toFixed(Number(how));
  return String(Number(value.toPrecision(2)));
}

let cross = null;
function hideCross() {
  cross?.remove();
  cross = null;
}

function readOut(event) {
  const box = event.target.closest?.(".xy[data-read] .plot");
  if (!box) return hideCross();
  const plot = box.closest(".xy");
  const area = box.getBoundingClientRect();
  const under = (100 * (event.clientX - area.left)) / area.width;
  const lines = all("path.line", box).map((path) => [path.dataset.name, cornersOf(path)]).filter(([, corners]) => corners.length);
  if (!lines.length) return hideCross();
  const places = lines.flatMap(([, corners]) => corners.map(([x]) => x));
  const at = places.reduce((a, b) => (Math.abs(b - under) < Math.abs(a - under) ? b : a));
  const known = lines.flatMap(([name, corners]) => corners.filter(([x]) => x === at).slice(-1).map(([, y]) => [y, name]));
  known.sort(([a], [b]) => a - b);
  if (cross?.parentElement !== box) {
    hideCross();
    cross = box.appendChild(make("i", { class: "cross" }));
  }
  cross.style.left = `${at}%`;
  const { read, x, y, digits, xDigits } = plot.dataset;
  const values = known.map(([top, name]) => `${spoken(valueAt(y, 100 - top), digits)} ${name ?? ""}`.trim());
  return `${read} ${spoken(valueAt(x, at), xDigits ?? "0")}\n${values.join("\n")}`;
}
