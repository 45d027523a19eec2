// Predictions of held-out rows: predicted against observed, calibration, errors along a component.

import { componentClass } from "./curve_views.js";
import { panel, tableOf } from "./downloads.js";
import { html, mapped, plot, svg } from "./drawing.js";
import { inUse } from "./places.js";
import { keyPlaces, nearestKeys } from "./value_views.js";
import { cut, fixed, nameOf, short } from "./texts.js";

/** Both views; none where no predictions are stored. */
export function predictionViews(page, curves, content, ranks, choose) {
  const found = content.predictions;
  if (!found) return [];
  const keys = keyPlaces(curves, content);
  const shared = { page, curves, content, found, keys, keyOf: nearestKeys(curves, keys), ranks, choose };
  return [againstView(shared), errorsView(shared)];
}

function againstView({ page, curves, content, found, keys, keyOf }) {
  const target = content.target;
  const totals = curves.places.total.data;
  const words = html("p", { class: "words" });
  const holder = html("div", {});
  const isNumber = found.kind === "number";
  let figure = null;
  let width = 500;
  let key = -1;
  const { element, body } = panel({
    title: isNumber ? "Predicted against observed" : "Confusion and calibration",
    name: "predictions",
    meaning:
      (isNumber
        ? "Points on the diagonal are predicted rightly. The larger points are means of groups of rows with similar predictions: on the diagonal, predictions are right on average. "
        : "The table counts how often each class was taken for each. The curve compares how likely outcomes were said to be with how often they happened: on the diagonal, probabilities can be taken at their word. ") +
      `All are ${found.of}${found.of === "training rows" ? ", which the model knows: predictions of others are worse" : ""}, at the nearest place whose models this page holds.`,
    table: () => (isNumber ? numberTable() : classTable()),
    figure: () => figure,
  });
  function numberTable() {
    const groups = found.groups[Math.max(key, 0)];
    const rows = [...groups.count.data.keys()].map((k) => ["mean of a group", groups.predicted.data[k], groups.observed.data[k], groups.count.data[k]]);
    if (found.rows) {
      const n = found.rows.truth.data.length;
      for (let k = 0; k < n; k++) rows.push(["row", found.rows.predicted.data[Math.max(key, 0) * n + k], found.rows.truth.data[k], 1]);
    }
    return { columns: ["what", `predicted ${target.name}`, `observed ${target.name}`, "rows"], rows };
  }
  function classTable() {
    const one = found.reliability[Math.max(key, 0)];
    return { columns: ["predicted probability", "share that happened", "cases"], rows: [...one.count.data.keys()].map((k) => [one.predicted.data[k], one.observed.data[k], one.count.data[k]]) };
  }
  body.append(words, holder);
  function show() {
    const bits = fixed(totals[keys[key]]);
    if (isNumber) {
      words.textContent = `At ${bits} bits the typical error is ${short(found.error.data[key])} (root mean square); the interval that should hold nine tenths holds ${fixed(100 * found.interval.data[key], 0)} % of ${found.n_rows} ${found.of}.`;
      figure = scatter(found, key, width, target);
      holder.replaceChildren(figure);
      return;
    }
    words.textContent = `At ${bits} bits ${fixed(100 * (1 - found.error.data[key]), 1)} % of ${found.n_rows} ${found.of} are predicted rightly.`;
    figure = reliability(found.reliability[key], width);
    const confusion = found.confusion ? confusionTable(found, key, target) : html("p", { class: "note" }, "There are too many classes for a table.");
    holder.replaceChildren(html("div", { class: "scroll" }, confusion), figure);
  }
  return {
    element,
    build(full) {
      width = Math.min(full, 620);
      if (key >= 0) show();
    },
    draw(state) {
      if (keyOf[state.place] === key) return;
      key = keyOf[state.place];
      show();
    },
  };
}

function scatter(found, key, width, target) {
  const height = Math.max(260, Math.min(400, width * 0.75));
  const groups = found.groups[key];
  const truth = found.rows ? [...found.rows.truth.data] : [...groups.observed.data];
  const n = truth.length;
  const predicted = found.rows ? found.rows.predicted.data.subarray(key * n, (key + 1) * n) : groups.predicted.data;
  const all = [...truth, ...predicted].sort((a, b) => a - b);
  const low = all[Math.floor(all.length * 0.002)] ?? 0;
  const high = all[Math.min(all.length - 1, Math.floor(all.length * 0.998))] ?? 1;
  const pad = (high - low || 1) * 0.04;
  const axes = plot({ width, height, left: 58, x: [low - pad, high + pad], y: [low - pad, high + pad], xLabel: `predicted ${cut(target.name, 30)}`, yLabel: `observed ${cut(target.name, 30)}`, label: "Predicted against observed" });
  const { inner, x, y } = axes;
  inner.append(svg("line", { class: "diagonal", x1: x(low), y1: y(low), x2: x(high), y2: y(high) }));
  if (found.rows) {
    let d = "";
    for (let k = 0; k < n; k++) {
      if (predicted[k] < low - pad || predicted[k] > high + pad || truth[k] < low - pad || truth[k] > high + pad) continue;
      d += `M${x(predicted[k]).toFixed(1)} ${y(truth[k]).toFixed(1)}h0`;
    }
    inner.append(svg("path", { class: "points", d }));
  }
  for (let k = 0; k < groups.count.data.length; k++) {
    const [p, o, e] = [groups.predicted.data[k], groups.observed.data[k], groups.error.data[k]];
    inner.append(
      svg("line", { class: "whisker", x1: x(p), x2: x(p), y1: y(o - 2 * e), y2: y(o + 2 * e) }),
      svg("circle", { class: "group", cx: x(p), cy: y(o), r: 4 }, svg("title", {}, `${groups.count.data[k]} rows: predicted ${short(p)}, observed ${short(o)}`)));
  }
  return axes.root;
}

function reliability(one, width) {
  const height = Math.max(240, Math.min(340, width * 0.65));
  const axes = plot({ width, height, x: [0, 1], y: [0, 1], xLabel: "predicted probability", yLabel: "share that happened", label: "Calibration" });
  const { inner, x, y } = axes;
  inner.append(svg("line", { class: "diagonal", x1: x(0), y1: y(0), x2: x(1), y2: y(1) }));
  for (let k = 0; k < one.count.data.length; k++) {
    const [p, o, n] = [one.predicted.data[k], one.observed.data[k], one.count.data[k]];
    const error = 2 * Math.sqrt(Math.max(o * (1 - o), 0.25 / n) / n);
    inner.append(
      svg("line", { class: "whisker", x1: x(p), x2: x(p), y1: y(Math.max(0, o - error)), y2: y(Math.min(1, o + error)) }),
      svg("circle", { class: "group", cx: x(p), cy: y(o), r: 4 }, svg("title", {}, `${n} cases: predicted ${fixed(p)}, happened ${fixed(o)}`)));
  }
  return axes.root;
}

function confusionTable(found, key, target) {
  const n = target.classes.length;
  const counts = found.confusion.data.subarray(key * n * n, (key + 1) * n * n);
  const rows = target.classes.map((name, a) => [name, ...target.classes.map((_, b) => (counts[a * n + b] < 0 ? "under 10" : counts[a * n + b]))]);
  const table = tableOf(["observed \\ predicted", ...target.classes], rows, "rows by observed and predicted class");
  const most = Math.max(...counts, 1);
  table.classList.add("confusion");
  table.querySelectorAll("tbody td").forEach((cell, k) => {
    const share = Math.max(counts[k], 0) / most;
    cell.style.background = share ? `rgb(${mapped(0.15 + 0.75 * (1 - share)).join(",")})` : "";
    cell.style.color = share > 0.62 ? "#fff" : share ? "#000" : "";
  });
  return table;
}

function errorsView({ page, curves, content, found, keys, keyOf, ranks, choose }) {
  const isNumber = found.kind === "number";
  const words = html("p", { class: "words" });
  const holder = html("div", {});
  const what = isNumber ? "root mean square error" : "share predicted wrongly";
  const names = curves.components.filter((name) => found.errors[name]);
  const select = html("select", { "aria-label": "component", onchange: () => choose(curves.components.indexOf(select.value)) }, names.map((name) => html("option", { value: name }, name)));
  let figure = null;
  let width = 500;
  let shown = "";
  let now = null;
  const { element, body } = panel({
    title: "Errors along a component",
    name: "errors",
    meaning: `The ${what} of the rows with each value of a component: of ${found.of}, in groups of at least ten rows. The line is the error of all rows. The component is the chosen one, or the one that says most.`,
    table: () => {
      const one = found.errors[now.name];
      const n = one.values.length;
      return { columns: [now.name, what, "rows"], rows: one.values.map((value, k) => [value ?? "missing", one.error.data[now.key * n + k], one.count.data[k]]) };
    },
    figure: () => figure,
  });
  if (!names.length) return null;
  body.append(html("label", { class: "choice" }, "along ", select), words, holder);
  function show() {
    const one = found.errors[now.name];
    const n = one.values.length;
    const errors = one.error.data.subarray(now.key * n, (now.key + 1) * n);
    const mean = found.error.data[now.key];
    const known = [...errors].filter(Number.isFinite);
    const isLine = typeof one.values[0] === "number";
    const height = Math.max(220, Math.min(320, width * 0.55));
    // Rows in which the number is missing stand to the right of all numbers.
    const hasMissing = isLine && one.values[n - 1] === null;
    const [low, last] = isLine ? [one.values[0], one.values[n - 1 - hasMissing]] : [-0.5, n - 0.5];
    const high = hasMissing ? last + (last - low || 1) * 0.08 : last;
    const pad = isLine ? (high - low || 1) * 0.04 : 0;
    const axes = plot({ width, height, bottom: isLine ? 40 : 64, left: 58, x: [low - pad, high + pad], y: [0, Math.max(mean, ...known) * 1.12 || 1], xLabel: isLine ? now.name : "", yLabel: isNumber ? `error of ${cut(content.target.name, 20)}` : "share wrong", label: `${what} along ${now.name}` });
    const { inner, x, y } = axes;
    const k0 = curves.components.indexOf(now.name);
    inner.append(svg("line", { class: "diagonal", x1: x(low - pad), x2: x(high + pad), y1: y(mean), y2: y(mean) }));
    const group = svg("g", { class: `shown ${componentClass(ranks[k0])}` });
    for (let k = 0; k < n; k++) {
      if (!Number.isFinite(errors[k])) continue;
      const at = x(isLine ? (one.values[k] ?? high) : k);
      group.append(svg("circle", { class: "dot", cx: at, cy: y(errors[k]), r: 4.5 }, svg("title", {}, `${nameOf(isLine ? "number" : "level", one.values[k])}: ${short(errors[k])}, ${one.count.data[k]} rows`)));
    }
    if (!isLine) {
      axes.root.querySelectorAll(".axes text").forEach((text) => {
        if (Number(text.getAttribute("y")) === axes.bottom + 18) text.remove();
      });
      const room = Math.max(1, Math.ceil((n * 16) / (width - 72)));
      for (let k = 0; k < n; k += room) axes.inner.append(svg("text", { class: "slanted", transform: `translate(${x(k) + 4} ${axes.bottom + 14}) rotate(-28)`, "text-anchor": "end" }, cut(String(one.values[k]), 12)));
    }
    if (hasMissing) inner.append(svg("text", { x: x(high), y: axes.top + 12, "text-anchor": "end" }, "missing: rightmost"));
    inner.append(group);
    figure = axes.root;
    holder.replaceChildren(figure);
    words.textContent = `${now.name}: of all rows ${short(mean)}${known.length ? `, between ${short(Math.min(...known))} and ${short(Math.max(...known))} along its values` : ""}.`;
  }
  return {
    element,
    build(full) {
      width = Math.min(full, 620);
      shown = "";
    },
    draw(state) {
      const first = [state.hovered, state.chosen, ...inUse(curves, state.place, page.threshold_bits)].find((k) => k !== null && k !== undefined && found.errors[curves.components[k]]);
      const name = first === undefined ? names[0] : curves.components[first];
      const key = keyOf[state.place];
      if (shown === `${key} ${name}`) return;
      shown = `${key} ${name}`;
      now = { key, name };
      select.value = name;
      show();
    },
  };
}
