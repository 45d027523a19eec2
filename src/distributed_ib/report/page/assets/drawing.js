// Elements, scales, axes and colours. Text from the data only ever becomes text.

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** An HTML element with attributes and children; listeners are attributes such as `onclick`. */
export function html(tag, attributes, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** A linear scale from an interval of the data to one of pixels. */
export function scale(low, high, from, to) {
  const slope = high === low ? 0 : (to - from) / (high - low);
  const map = (value) => from + (value - low) * slope;
  map.inverse = (pixel) => (slope === 0 ? low : low + (pixel - from) / slope);
  map.domain = [low, high];
  map.range = [from, to];
  return map;
}

/** Round numbers within an interval, about as many as wanted. */
export function ticks(low, high, wanted) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / Math.max(wanted, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((one) => one >= rough * 0.999);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) {
    found.push(Number((k * step).toPrecision(12)));
  }
  return found;
}

/** The points of a curve as the `d` of a path; gaps where a number is not known. */
export function pathOf(xs, ys) {
  let text = "";
  let pen = "M";
  for (let k = 0; k < xs.length; k++) {
    if (!Number.isFinite(xs[k]) || !Number.isFinite(ys[k])) {
      pen = "M";
      continue;
    }
    text += `${pen}${xs[k].toFixed(1)} ${ys[k].toFixed(1)}`;
    pen = "L";
  }
  return text;
}

/** An empty plot with axes: `{root, x, y, inner}`. */
export function plot({ width, height, left = 52, right = 14, top = 12, bottom = 40, x, y, xLabel, yLabel, label }) {
  const root = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, class: "plot" });
  const xScale = scale(x[0], x[1], left, width - right);
  const yScale = scale(y[0], y[1], height - bottom, top);
  const axes = svg("g", { class: "axes" });
  for (const tick of ticks(x[0], x[1], (width - left - right) / 70)) {
    const at = xScale(tick);
    axes.append(
      svg("line", { class: "tick", x1: at, x2: at, y1: height - bottom, y2: height - bottom + 5 }),
      svg("text", { x: at, y: height - bottom + 18, "text-anchor": "middle" }, String(tick)),
    );
  }
  for (const tick of ticks(y[0], y[1], (height - top - bottom) / 45)) {
    const at = yScale(tick);
    axes.append(
      svg("line", { class: "grid", x1: left, x2: width - right, y1: at, y2: at }),
      svg("text", { x: left - 8, y: at + 4, "text-anchor": "end" }, String(tick)),
    );
  }
  axes.append(
    svg("line", { class: "axis", x1: left, x2: width - right, y1: height - bottom, y2: height - bottom }),
    svg("text", { class: "label", x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, xLabel),
    svg("text", { class: "label", transform: `translate(13 ${(top + height - bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, yLabel),
  );
  const inner = svg("g", { class: "inner" });
  root.append(axes, inner);
  return { root, x: xScale, y: yScale, inner, bottom: height - bottom, top };
}

// A dark-to-light map of even steps of lightness (points of cividis, which colour-blind readers see
// alike).
const MAP = [
  [0, 32, 77], [24, 53, 110], [60, 77, 110], [87, 92, 109], [112, 113, 115], [138, 134, 120],
  [165, 156, 116], [195, 179, 105], [226, 203, 85], [255, 234, 70],
];

/** The colour of a number between 0 (dark) and 1 (light), `[r, g, b]`. */
export function mapped(value) {
  const place = Math.min(Math.max(value, 0), 1) * (MAP.length - 1);
  const k = Math.min(Math.floor(place), MAP.length - 2);
  const share = place - k;
  return MAP[k].map((low, j) => Math.round(low + share * (MAP[k + 1][j] - low)));
}

/** The colour of one of several symbols. */
export function symbolColor(symbol, count) {
  const value = count < 2 ? 0.45 : 0.12 + (0.8 * symbol) / (count - 1);
  return `rgb(${mapped(value).join(",")})`;
}

/** Texts at heights as near as possible to those wanted, and not upon each other. */
export function spread(heights, least, low, high) {
  const order = [...heights.keys()].sort((a, b) => heights[a] - heights[b]);
  const found = heights.slice();
  let floor = low;
  for (const k of order) {
    found[k] = Math.max(found[k], floor);
    floor = found[k] + least;
  }
  let ceiling = high;
  for (const k of order.reverse()) {
    found[k] = Math.min(found[k], ceiling);
    ceiling = found[k] - least;
  }
  return found;
}
