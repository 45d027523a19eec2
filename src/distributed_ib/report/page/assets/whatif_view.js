// What if: the predicted distribution for values that the reader sets.

import { componentClass } from "./curve_views.js";
import { panel } from "./downloads.js";
import { html, plot, svg } from "./drawing.js";
import { componentInput, meanOf, prediction, quantilesOf } from "./model.js";
import { inUse, nearestOf } from "./places.js";
import { fixed, short } from "./texts.js";

const LEVELS = [0.05, 0.5, 0.95];
const DISPLAY_BINS = 48;
const SLOW_MS = 16;

/** The view; where the page holds no model, it says why. */
export function whatIfView(page, curves, content, ranks) {
  const { model, inputs, target } = content;
  if (!model || !inputs) return content.why_no_model ? notOffered(content.why_no_model) : null;
  const placeOfStep = new Map([...curves.places.step.data].map((step, place) => [step, place]));
  const places = [...model.steps.data].map((step) => placeOfStep.get(step));
  const totals = curves.places.total.data;
  const known = places.map((place) => totals[place]);
  const chosen = curves.components.map((name) => inputs[name].map((column) => typical(column, content, name)));
  const fields = html("div", { class: "fields" });
  const words = html("p", { class: "words", "aria-live": "polite" });
  const where = html("p", { class: "note" });
  const holder = html("div", {});
  const numbers = html("p", { class: "note" });
  let key = 0;
  let width = 560;
  let figure = null;
  let last = null;
  let pending = 0;
  const { element, body } = panel({
    title: "What if?",
    name: "whatif",
    wide: true,
    meaning:
      `Set values and see what the approximation predicts for ${target.name}. The page computes it with ` +
      `the same models and the same draws of the channels' noise as predict in Python` +
      `${page.with_rows ? "" : ", with groups of rows in place of single values of Y"}. Greyed values are not used ` +
      "at this place: changing them changes nothing that matters. It is what the model expects, not what " +
      "would happen if somebody changed the value.",
    table: () => ({
      columns: ["bits told", "outcome", "probability"],
      rows: last ? last[0].chances.map ? [...last[0].chances].map((p, k) => [known[key], outcome(target, 0, k), p]) : [] : [],
    }),
    figure: () => figure,
  });
  const groups = curves.components.map((name, k) => {
    const css = componentClass(ranks[k]);
    const group = html("fieldset", { "data-component": k, class: `component ${css}` },
      html("legend", {}, html("span", { class: "swatch", "aria-hidden": "true" }), html("bdi", {}, name)),
      html("span", { class: "state" }));
    inputs[name].forEach((column, j) => {
      group.append(fieldOf(column, chosen[k][j], inputs[name].length > 1, (value) => {
        chosen[k][j] = value;
        later();
      }, name));
    });
    fields.append(group);
    return group;
  });
  body.append(where, html("div", { class: "whatif" }, fields, html("div", { class: "outcome" }, words, holder, numbers)));
  let cost = 0;
  // Models that take long are asked once the slider rests.
  function later() {
    if (cost < SLOW_MS) {
      compute();
      return;
    }
    clearTimeout(pending);
    pending = setTimeout(compute, 120);
  }
  function compute() {
    const began = performance.now();
    ask();
    cost = performance.now() - began;
  }
  function ask() {
    const given = curves.components.map((name, k) => componentInput(inputs[name], chosen[k]));
    const found = prediction(model, key, given);
    last = found.map((chances, entry) => ({ chances, entry }));
    show(found);
  }
  function show(found) {
    if (target.task === "classification") {
      const order = [...found[0].keys()].sort((a, b) => found[0][b] - found[0][a]);
      words.textContent = `${target.classes[order[0]]}: probability ${fixed(found[0][order[0]], 3)}.`;
      figure = classBars(target, found[0], order.slice(0, 12), width);
      numbers.textContent = "";
    } else {
      const lines = found.map((chances, entry) => {
        const mean = meanOf(target.entries[entry], chances);
        const [low, middle, high] = quantilesOf(target.entries[entry], chances, LEVELS);
        const name = target.entries[entry].name || target.name;
        return `${name}: mean ${short(mean)}, median ${short(middle)}, nine of ten between ${short(low)} and ${short(high)}.`;
      });
      words.textContent = lines[0];
      numbers.textContent = lines.slice(1).join(" ");
      figure = density(target, target.entries[0], found[0], width);
    }
    holder.replaceChildren(figure);
  }
  element.dataset.ready = "true";
  return {
    element,
    /** For tests: the prediction for values given by component, at the place shown. */
    predict(values) {
      values.forEach((one, k) => (chosen[k] = one));
      const given = curves.components.map((name, k) => componentInput(inputs[name], chosen[k]));
      return { step: model.steps.data[key], found: prediction(model, key, given).map((one) => [...one]) };
    },
    build(full) {
      width = Math.max(280, Math.min(620, full < 760 ? full : full * 0.5));
      if (last) compute();
    },
    draw(state) {
      const next = nearestOf(known, totals[state.place]);
      const used = new Set(inUse(curves, places[next], page.threshold_bits));
      if (next !== key || !last) {
        key = next;
        groups.forEach((group, k) => {
          group.classList.toggle("unused", !used.has(k));
          group.style.order = used.has(k) ? ranks[k] : 1000 + ranks[k];
          group.querySelector(".state").textContent = used.has(k) ? "" : "not used here";
        });
        where.textContent = `Computed by the model at ${fixed(known[key])} bits, the nearest of the ${places.length} that this page holds.`;
        later();
      }
    },
  };
}

/** A value to begin with: the most frequent level, or the middle of the numbers. */
function typical(column, content, name) {
  const own = content.values.components[name];
  if (column.levels) {
    if (own && own.kind === "level" && own.values.length) {
      const counts = own.counts.data;
      return own.values[counts.indexOf(Math.max(...counts))];
    }
    return column.levels[0];
  }
  if (own && own.kind === "number") {
    const counts = own.counts.data;
    const half = counts.reduce((a, b) => a + b, 0) / 2;
    let sum = 0;
    for (let k = 0; k < counts.length; k++) if ((sum += counts[k]) >= half && own.values[k] !== null) return own.values[k];
  }
  return column.mean ?? 0;
}

function fieldOf(column, value, named, change, component) {
  const label = named ? column.column : component;
  if (column.levels) {
    const select = html("select", { "aria-label": label, onchange: () => change(select.value) }, column.levels.map((level) => html("option", { value: level }, level)));
    select.value = value;
    return html("label", {}, named ? html("bdi", {}, column.column) : null, select);
  }
  const [low, high] = [column.low, column.high];
  const box = html("input", { type: "number", step: "any", value: Number(Number(value).toPrecision(6)), "aria-label": label });
  const slide = html("input", { type: "range", min: low, max: high, step: "any", value, "aria-label": `${label}, slider`, tabindex: -1 });
  const gone = column.has_missing ? html("input", { type: "checkbox", "aria-label": `${label} is missing` }) : null;
  gone?.addEventListener("change", () => change(gone.checked ? null : Number(box.value)));
  const known = () => {
    if (gone) gone.checked = false;
  };
  box.addEventListener("input", () => {
    if (box.value === "" || !Number.isFinite(box.valueAsNumber)) return;
    known();
    slide.value = box.value;
    change(box.valueAsNumber);
  });
  slide.addEventListener("input", () => {
    const whole = column.whole ? Math.round(slide.valueAsNumber) : Number(slide.valueAsNumber.toPrecision(4));
    box.value = whole;
    known();
    change(whole);
  });
  const field = html("label", {}, named ? html("bdi", {}, column.column) : null, box, slide);
  return gone ? html("div", {}, field, html("label", {}, gone, "missing")) : field;
}

function outcome(target, entry, k) {
  return target.task === "classification" ? target.classes[k] : target.entries[entry].centers.data[k];
}

function classBars(target, chances, order, width) {
  const row = 24;
  const left = Math.min(150, width * 0.35);
  const height = order.length * row + 8;
  const root = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, class: "plot", role: "img", "aria-label": "predicted probabilities" });
  const by = [...order].sort((a, b) => a - b);
  by.forEach((k, j) => {
    const long = (width - left - 60) * chances[k];
    root.append(
      svg("text", { x: left - 8, y: j * row + 17, "text-anchor": "end" }, [...target.classes[k]].slice(0, 20).join(""), svg("title", {}, target.classes[k])),
      svg("rect", { class: "chance", x: left, y: j * row + 4, width: long.toFixed(2), height: row - 8 }),
      svg("rect", { class: "prior", x: left + (width - left - 60) * target.share[k] - 1, y: j * row + 2, width: 2, height: row - 4 }, svg("title", {}, "without X")),
      svg("text", { x: left + long + 6, y: j * row + 17 }, fixed(chances[k], 3)),
    );
  });
  return root;
}

/** A histogram of the points of the bins, each as likely as its bin says. */
function density(target, entry, chances, width) {
  const { data, shape } = entry.points;
  const sorted = [...data].sort((a, b) => a - b);
  const low = sorted[Math.floor(sorted.length * 0.002)];
  const high = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.995))];
  const heights = new Float64Array(DISPLAY_BINS);
  const prior = new Float64Array(DISPLAY_BINS);
  for (let k = 0; k < data.length; k++) {
    const share = high > low ? (data[k] - low) / (high - low) : 0;
    const bin = Math.min(Math.max(Math.floor(share * DISPLAY_BINS), 0), DISPLAY_BINS - 1);
    const from = Math.floor(k / shape[1]);
    heights[bin] += chances[from] / shape[1];
    prior[bin] += entry.share.data[from] / shape[1];
  }
  const top = Math.max(...heights, ...prior);
  const height = 230;
  const axes = plot({ width, height, left: 58, x: [low, high], y: [0, top * 1.1], xLabel: target.name, yLabel: "probability", label: `predicted distribution of ${target.name}` });
  const step = (high - low) / DISPLAY_BINS;
  heights.forEach((p, k) => {
    const from = axes.x(low + k * step);
    axes.inner.append(svg("rect", { class: "chance", x: from.toFixed(1), width: Math.max(0.5, axes.x(low + (k + 1) * step) - from - 0.5).toFixed(1), y: axes.y(p).toFixed(1), height: (axes.bottom - axes.y(p)).toFixed(1) }));
  });
  let d = "";
  prior.forEach((p, k) => (d += `${k ? "L" : "M"}${axes.x(low + k * step).toFixed(1)} ${axes.y(p).toFixed(1)}H${axes.x(low + (k + 1) * step).toFixed(1)}`));
  axes.inner.append(svg("path", { class: "without", d }, svg("title", {}, "without X")));
  const mean = axes.x(Math.min(Math.max(meanOf(entry, chances), low), high));
  axes.inner.append(svg("line", { class: "mean", x1: mean, x2: mean, y1: axes.top, y2: axes.bottom }));
  return axes.root;
}

function notOffered(reason) {
  const { element, body } = panel({
    title: "What if?",
    name: "whatif",
    meaning: "Where the page can evaluate the model, values are set here and the predicted distribution is shown.",
  });
  body.append(html("p", { class: "words" }, reason));
  return { element, build() {}, draw() {} };
}
