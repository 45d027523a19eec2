// What each component still says: its distribution, the matrix of its channel, its merged values.

import { overlaps } from "./channel.js";
import { partOf } from "./data.js";
import { componentClass } from "./curve_views.js";
import { panel } from "./downloads.js";
import { html, mapped, svg, symbolColor } from "./drawing.js";
import { supportText } from "./evidence_views.js";
import { inUse, nearestOf } from "./places.js";
import { cut, fixed, nameOf, short, symbolTexts } from "./texts.js";

const MATRIX = 96;
const HISTOGRAM = [260, 84];
const MOST_TEXTS = 6;

/** The nearest place whose models the page holds, as an index of `content.steps`. */
export function keyPlaces(curves, content) {
  const placeOfStep = new Map([...curves.places.step.data].map((step, place) => [step, place]));
  return [...content.steps.data].map((step) => placeOfStep.get(step));
}

/** For every place the index of the nearest key place, by bits. */
export function nearestKeys(curves, keys) {
  const totals = curves.places.total.data;
  const known = keys.map((place) => totals[place]);
  return [...totals].map((total) => nearestOf(known, total));
}

/** A view with a row for each component, most bits first. */
export function valuesView(page, curves, content, ranks) {
  const values = content.values;
  const keys = keyPlaces(curves, content);
  const keyOf = nearestKeys(curves, keys);
  const n = curves.components.length;
  const totals = curves.places.total.data;
  const rows = new Map();
  const list = html("div", { class: "rows" });
  const rest = html("p", { class: "note" });
  let key = 0;
  const { element, body } = panel({
    title: "What each component still says",
    name: "values",
    wide: true,
    meaning:
      "The bars are the component's own distribution. Values with the same colour are hardly told " +
      "apart at this place: any two of them overlap by more than a half. The square shows all pairs: " +
      "light where two values have become the same to the predictor, dark where they are told apart" +
      `${curves.n_models > 1 ? ` (by the first of ${curves.n_models} models)` : ""}. They are those of ` +
      `the nearest of ${keys.length} approximations whose models this page holds.`,
    table: () => ({
      columns: ["bits told", "component", "value", "rows", "group of values hardly told apart"],
      rows: [...rows.values()].flatMap((row) => row.table(key)).map((cells) => [totals[keys[key]], ...cells]),
    }),
    figure: () => drawnRows([...rows.values()].filter((row) => row.isShown())),
  });
  const heading = html("p", { class: "words" });
  body.append(heading, html("div", { class: "legend" }, legendOf(), html("span", {}, "told apart (dark) to the same (light)")), list, rest);
  function rowOf(k) {
    const name = curves.components[k];
    const own = values.components[name];
    const channel = values.channels[name];
    const row = own && channel ? shownRow(name, own, channel, content, componentClass(ranks[k]), k) : plainRow(name, content, componentClass(ranks[k]), k);
    const support = supportText(page.evidence?.components.find((one) => one.name === name));
    if (support) row.element.firstChild.append(html("span", { class: "support" }, support));
    rows.set(k, row);
    row.show(-1);
    list.append(row.element);
    return row;
  }
  // Matrices are worked out while the reader reads, so that the slider need not wait for them.
  let ahead = 0;
  function prepare(deadline) {
    const todo = keys.length * n;
    while (ahead < todo && deadline.timeRemaining() > 4) {
      const [at, k] = [Math.floor(ahead / n), ahead % n];
      if (curves.places.bits.data[keys[at] * n + k] > page.threshold_bits) (rows.get(k) || rowOf(k)).overlap?.(at);
      ahead++;
    }
    if (ahead < todo) requestIdleCallback(prepare);
  }
  return {
    element,
    build() {
      if (!ahead && window.requestIdleCallback) requestIdleCallback(prepare);
    },
    draw(state) {
      key = keyOf[state.place];
      const used = inUse(curves, state.place, page.threshold_bits);
      const wanted = new Set(used);
      for (const k of used) {
        const row = rows.get(k) || rowOf(k);
        row.draw(key, curves.places.bits.data[state.place * n + k], bandOf(curves, state.place, k));
      }
      // The order of boxes is their `order`; nothing is moved in the document.
      for (const [k, row] of rows) {
        row.show(wanted.has(k) ? used.indexOf(k) : -1);
      }
      heading.textContent = used.length
        ? `At ${fixed(totals[state.place])} bits; matrices and colours are those at ${fixed(totals[keys[key]])} bits.`
        : `At ${fixed(totals[state.place])} bits no component says more than ${page.threshold_bits} bits.`;
      const others = n - used.length;
      rest.textContent = others ? `${others} other${others > 1 ? "s say" : " says"} no more than ${page.threshold_bits} bits here.` : "";
    },
  };
}

function bandOf(curves, place, k) {
  const { lower, upper } = curves.places;
  const n = curves.components.length;
  if (!lower) return null;
  const [low, high] = [lower.data[place * n + k], upper.data[place * n + k]];
  return high - low < 0.005 ? null : [low, high];
}

function legendOf() {
  const canvas = html("canvas", { width: 64, height: 10, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  for (let k = 0; k < 64; k++) {
    context.fillStyle = `rgb(${mapped(k / 63).join(",")})`;
    context.fillRect(k, 0, 1, 10);
  }
  return canvas;
}

/** The head of a row: name, bits and, once it is available, how the user reads its symbols. */
function headOf(name, css) {
  const bits = html("span", { class: "bits" });
  const band = html("span", { class: "band" });
  const head = html("div", { class: `head component ${css}` }, html("span", { class: "swatch", "aria-hidden": "true" }), html("bdi", { class: "name", title: name }, name), bits, band);
  let before = "";
  return {
    head,
    draw(value, within) {
      const text = `${fixed(value)} bits`;
      if (text === before) return;
      before = text;
      bits.textContent = text;
      band.textContent = within ? `(${fixed(within[0])} to ${fixed(within[1])})` : "";
    },
  };
}

/** The rows as one drawing, to be saved. */
function drawnRows(rows) {
  const drawn = rows.filter((row) => row.picture).sort((a, b) => a.element.style.order - b.element.style.order);
  const height = drawn.length * 108 + 8;
  const root = svg("svg", { width: 620, height, viewBox: `0 0 620 ${height}`, class: "plot" });
  drawn.forEach((row, k) => {
    const { name, bits, bars, matrix } = row.picture();
    root.append(
      svg("g", { transform: `translate(0 ${k * 108 + 8})` },
        svg("text", { class: "label", x: 8, y: 40 }, cut(name, 26)),
        svg("text", { x: 8, y: 58 }, bits),
        svg("g", { transform: "translate(210 0)" }, [...bars.cloneNode(true).childNodes]),
        svg("image", { x: 500, y: 0, width: MATRIX, height: MATRIX, href: matrix, "image-rendering": "pixelated" })));
  });
  return root;
}

function placed(element) {
  let before = null;
  return (order) => {
    if (order === before) return;
    before = order;
    element.classList.toggle("away", order < 0);
    element.style.order = order < 0 ? 9999 : order;
  };
}

function plainRow(name, content, css, k) {
  const { head, draw } = headOf(name, css);
  const columns = content.inputs?.[name]?.map((one) => one.column) || [];
  const why = columns.length > 1 ? `Its columns ${columns.join(", ")} have no single order.` : "Its values are not shown.";
  const element = html("article", { class: "row", "data-component": k, tabindex: 0, role: "button", "aria-label": `choose ${name}` }, head, html("p", { class: "note" }, why));
  return { element, show: placed(element), isShown: () => !element.classList.contains("away"), draw: (key, bits, band) => draw(bits, band), table: () => [] };
}

function shownRow(name, own, channel, content, css, k) {
  const { head, draw } = headOf(name, css);
  const n = own.values.length;
  const embedding = channel.mean.shape[2];
  const bars = histogram(own);
  const canvas = html("canvas", { width: n, height: n, class: "matrix", role: "img", "aria-label": `which values of ${name} are told apart` });
  const words = symbolList();
  const element = html("article", { class: "row", "data-component": k, tabindex: 0, role: "button", "aria-label": `choose ${name}` },
    head, bars.element, html("div", { class: "matrix-box" }, canvas), words.element);
  const known = new Map();
  let before = -1;
  function matrixAt(key) {
    if (!known.has(key)) {
      known.set(key, overlaps(partOf(channel.mean, key).data, partOf(channel.log_variance, key).data, n, embedding));
    }
    return known.get(key);
  }
  return {
    element,
    show: placed(element),
    isShown: () => !element.classList.contains("away"),
    overlap: matrixAt,
    picture: () => ({ name, bits: head.querySelector(".bits").textContent, bars: bars.element, matrix: canvas.toDataURL() }),
    table(key) {
      const symbols = partOf(channel.symbols, key).data;
      return own.values.map((value, j) => [name, value ?? "missing", own.counts.data[j], symbols[j] + 1]);
    },
    draw(key, bits, band) {
      draw(bits, band);
      if (key === before) return;
      before = key;
      const symbols = partOf(channel.symbols, key).data;
      const count = Math.max(...symbols) + 1;
      bars.paint(symbols, count);
      paintMatrix(canvas, matrixAt(key), n);
      words.show(symbolTexts(own.kind, own.values, symbols));
    },
  };
}

/** The groups of values that are hardly told apart, in words; nodes are made once and kept. */
function symbolList() {
  const element = html("div", { class: "symbols" });
  const entries = [];
  const more = html("div", { class: "symbol" });
  const change = (node, text) => {
    if (node.textContent !== text) node.textContent = text;
  };
  return {
    element,
    show(texts) {
      const shown = Math.min(texts.length, MOST_TEXTS);
      while (entries.length < shown) {
        const chip = html("span", { class: "chip", "aria-hidden": "true" });
        const text = html("bdi", {});
        const entry = html("div", { class: "symbol" }, chip, text);
        entries.push({ chip, text, entry });
        element.append(entry);
      }
      entries.forEach(({ chip, text, entry }, s) => {
        entry.hidden = s >= shown;
        if (s >= shown) return;
        change(text, texts.length === 1 ? "all values alike" : texts[s]);
        entry.title = texts[s];
        chip.style.background = symbolColor(s, texts.length);
      });
      more.hidden = texts.length <= MOST_TEXTS;
      change(more, `and ${texts.length - MOST_TEXTS} more`);
      if (!more.hidden && more.parentNode !== element) element.append(more);
    },
  };
}

function paintMatrix(canvas, overlap, n) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(n, n);
  for (let k = 0; k < n * n; k++) {
    const [r, g, b] = SHADES[Math.round(overlap[k] * 255)];
    image.data[4 * k] = r;
    image.data[4 * k + 1] = g;
    image.data[4 * k + 2] = b;
    image.data[4 * k + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

const SHADES = Array.from({ length: 256 }, (_, k) => mapped(k / 255));

/** The bars of a component's distribution, coloured by symbol. */
function histogram(own) {
  const [width, height] = HISTOGRAM;
  const counts = own.bars.data;
  const most = Math.max(...counts, 1);
  const edges = own.edges?.data;
  const isNumber = own.kind === "number";
  const [low, high] = edges ? [edges[0], edges[edges.length - 1]] : [0, counts.length];
  // Missing numbers have a bar of their own, apart from the others.
  const hasMissing = own.values[own.values.length - 1] === null;
  const numbers = hasMissing && edges ? own.values.slice(0, -1) : own.values;
  const room = hasMissing && edges ? width - 26 : width - 8;
  const x = (value) => 4 + ((value - low) / (high - low || 1)) * room;
  const base = height - 18;
  const rects = [];
  const valueOf = [];
  for (let k = 0; k < counts.length; k++) {
    const missing = hasMissing && k === counts.length - 1;
    const step = (high - low || 1) * (12 / room);
    const [from, to] = missing && edges ? [high + step / 2, high + 1.5 * step] : edges ? [edges[k], edges[k + 1]] : [k, k + 1];
    const tall = own.are_counted ? (counts[k] / most) * (base - 4) : 16;
    const value = missing ? own.values.length - 1 : edges ? nearestOf(numbers, (from + to) / 2) : k;
    const text = `${missing ? "missing" : edges ? `${short(from)} to ${short(to)}` : nameOf(own.kind, own.values[k])}${own.are_counted ? `: ${counts[k]} rows` : ""}`;
    rects.push(svg("rect", { x: x(from).toFixed(1), width: Math.max(0.8, x(to) - x(from) - 0.6).toFixed(1), y: (base - tall).toFixed(1), height: tall.toFixed(1) }, svg("title", {}, text)));
    valueOf.push(value);
  }
  const first = isNumber && edges ? short(low) : nameOf(own.kind, own.values[0]);
  const last = isNumber && edges && !hasMissing ? short(high) : nameOf(own.kind, own.values[own.values.length - 1]);
  const element = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, class: "plot histogram", role: "img", "aria-label": "distribution" },
    ...rects,
    svg("line", { class: "axis", x1: 4, x2: width - 4, y1: base, y2: base }),
    svg("text", { x: 4, y: height - 4 }, cut(String(first), 16)),
    own.values.length > 1 ? svg("text", { x: width - 4, y: height - 4, "text-anchor": "end" }, cut(String(last), 16)) : null);
  return {
    element,
    paint(symbols, count) {
      const colors = Array.from({ length: count }, (_, s) => symbolColor(s, count));
      rects.forEach((rect, k) => {
        const color = colors[symbols[valueOf[k]]];
        if (rect.shade === color) return;
        rect.shade = color;
        rect.setAttribute("fill", color);
      });
    },
  };
}
