/* Drawing with SVG strokes and HTML words: axes and curves of the drill-down. */
function ticks(low, high) {
  const raw = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((each) => each >= raw * 0.999);
  const places = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9; i++) places.push(i * step);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return places.map((value) => [value, value.toFixed(decimals)]);
}

function svg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function curvePlot([median, low, high], what) {
  const known = [...median, ...(low ?? []), ...(high ?? [])].filter((value) => value !== null);
  if (median.length < 2 || !known.length) return null;
  const [min, max] = [Math.min(...known), Math.max(...known)];
  const room = (Math.max(max - min, 0.02 * Math.max(Math.abs(min), Math.abs(max))) || 1) * 0.08;
  const y = (value) => (100 - (100 * (value - min + room)) / (max - min + 2 * room)).toFixed(2);
  const x = (epoch) => ((100 * epoch) / Math.max(1, median.length - 1)).toFixed(2);
  const points = (values) => values.flatMap((value, epoch) => (value === null ? [] : [`${x(epoch)} ${y(value)}`]));
  const marks = ticks(min - room, max + room);
  const drawing = svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" });
  drawing.append(svg("path", { class: "grid", d: marks.map(([value]) => `M0 ${y(value)}H100`).join("") }));
  if (low) drawing.append(svg("path", { class: "band hue1", d: "M" + [...points(high), ...points(low).reverse()].join("L") + "Z" }));
  drawing.append(svg("path", { class: "line hue1", d: "M" + points(median).join("L") }));
  const ys = make("div", { class: "ys" });
  for (const [value, label] of marks) ys.append(make("span", { class: "t", style: `top:${y(value)}%` }, label));
  const xs = make("div", { class: "xs" });
  const last = median.length;
  for (const epoch of last > 1 ? [1, last] : [1]) xs.append(make("span", { class: "t", style: `left:${x(epoch - 1)}%` }, String(epoch)));
  const label = make("div", { class: "ylabel" }, `validation ${what} by epoch`);
  const digits = Math.max(...[...median, ...(low ?? [])].map((value) => (String(value ?? "").split(".")[1] ?? "").length));
  const read = { "data-read": "epoch", "data-x": `1 ${Math.max(2, median.length)}`, "data-y": `${min - room} ${max + room}`, "data-digits": String(digits) };
  return make("div", { class: "xy", ...read }, label, ys, make("div", { class: "plot" }, drawing), make("div"), xs);
}
