// How sure the findings are: evidence for each component, and models without a bottleneck.

import { componentClass } from "./curve_views.js";
import { panel } from "./downloads.js";
import { plot, svg } from "./drawing.js";
import { cut, fixed, short } from "./texts.js";

const ROW = 22;
const MEASURES = [
  ["bits", "conveys at best"],
  ["alone_bits", "tells alone"],
  ["unique_bits", "lost without it"],
];

/** Both views, as far as there is evidence for them. */
export function evidenceViews(page, curves, evidence, ranks) {
  if (!evidence?.components?.length) return [];
  return [componentsView(curves, evidence, ranks), ...scoreViews(evidence)];
}

/** A q-value in words. */
export function supportText(one) {
  if (!one) return "";
  const q = one.q_value < 0.001 ? "q < 0.001" : `q = ${fixed(one.q_value, 3)}`;
  return one.supported ? q : `no evidence, ${q}`;
}

function finite(value) {
  return typeof value === "number" && Number.isFinite(value);
}

function componentsView(curves, evidence, ranks) {
  const percent = Math.round(100 * evidence.evidence.interval_level);
  const order = [...evidence.components].sort((a, b) => b.supported - a.supported || b.bits - a.bits);
  const shown = order.slice(0, 60);
  const kinds = MEASURES.filter(([name]) => shown.some((one) => finite(one[name])));
  let figure = null;
  const { element, body } = panel({
    title: "Evidence for each component",
    name: "support",
    wide: true,
    meaning:
      `Bars are intervals of ${percent} %, over resamples and rows. A filled mark has evidence that the ` +
      "component tells something about Y: the share q of wrong claims among all as strong is small. " +
      "What a component conveys at best may be much and yet tell nothing about Y, which q judges. Of " +
      "components that are interchangeable one does as well as the other. Numbers do not change with the slider.",
    table: () => ({
      columns: ["component", ...kinds.flatMap(([, text]) => [text, "low", "high"]), "p", "q", "supported", "interchangeable with"],
      rows: order.map((one) => [
        one.name, ...kinds.flatMap(([name]) => [one[name], one[`${name}_low`], one[`${name}_high`]]),
        one.p_value, one.q_value, String(one.supported), one.interchangeable_with.join("; "),
      ]),
    }),
    figure: () => figure,
  });
  return {
    element,
    draw() {},
    build(width) {
      const left = Math.min(150, width * 0.26);
      const right = width < 520 ? 96 : 230;
      const drawn = kinds.slice(0, Math.max(1, Math.floor((width - left - right) / 165)));
      const each = (width - left - right) / drawn.length;
      const height = shown.length * ROW + 62;
      figure = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, class: "plot", role: "img", "aria-label": "Evidence for each component" });
      const groups = shown.map((one, row) => {
        const k = curves.components.indexOf(one.name);
        const y = 20 + row * ROW;
        const group = svg("g", { "data-component": k, class: `component ${componentClass(ranks[k])}` },
          svg("rect", { class: "hit", x: 0, y, width, height: ROW }),
          svg("text", { x: left - 8, y: y + 15, "text-anchor": "end" }, cut(one.name, Math.floor(left / 8)), svg("title", {}, one.name)),
          svg("text", { x: width - right + 12, y: y + 15 }, cut([width < 520 ? supportText(one).replace("no evidence, ", "") : supportText(one), width < 520 || !one.interchangeable_with.length ? "" : `like ${one.interchangeable_with.join(", ")}`].filter(Boolean).join("; "), width < 520 ? 14 : 34), svg("title", {}, supportText(one))));
        figure.append(group);
        return group;
      });
      drawn.forEach(([name, text], column) => {
        const values = shown.flatMap((one) => [one[name], one[`${name}_high`], one[`${name}_low`]]).filter(finite);
        const reach = [Math.min(0, ...values), Math.max(...values, 1e-3)];
        const from = left + column * each;
        const axes = plot({ width: each, height: height - 20, left: 8, right: 12, top: 0, bottom: 40, x: reach, y: [0, 0], xLabel: `${text} (bits)`, yLabel: "", label: "" });
        axes.root.querySelectorAll(".grid, .grid + text").forEach((one) => one.remove());
        figure.prepend(svg("g", { transform: `translate(${from} 20)` }, [...axes.root.childNodes]));
        shown.forEach((one, row) => {
          if (!finite(one[name])) return;
          const y = 20 + row * ROW + ROW / 2;
          const x = (value) => from + axes.x(Math.min(Math.max(value, reach[0]), reach[1]));
          if (finite(one[`${name}_low`])) groups[row].append(svg("line", { class: "interval", x1: x(one[`${name}_low`]), x2: x(one[`${name}_high`]), y1: y, y2: y }));
          groups[row].append(svg("circle", { class: one.supported ? "dot" : "dot open", cx: x(one[name]), cy: y, r: 4.5 }, svg("title", {}, `${one.name}, ${text}: ${fixed(one[name])} (${fixed(one[`${name}_low`])} to ${fixed(one[`${name}_high`])}) bits`)));
        });
      });
      body.replaceChildren(figure);
    },
  };
}

/** The scores of the approximations beside those of models without a bottleneck. */
function scoreViews(evidence) {
  const models = [
    { name: "best", scores: evidence.evidence.scores },
    { name: "simplest", scores: evidence.simplest?.evidence?.scores || {} },
    ...(evidence.references || []),
  ];
  const names = Object.keys(models[0].scores || {});
  if (!names.length || models.length < 3) return [];
  return names.map((score) => {
    const rows = models.filter((one) => finite(one.scores[score]?.value));
    let figure = null;
    const title = { rmse: "Root mean square error", r2: "R2", accuracy: "Accuracy" }[score] || score;
    const { element, body } = panel({
      title: `${title}, beside models without a bottleneck`,
      name: `score-${score}`,
      meaning: "best and simplest are this run's; the others are usual models that may use everything about X. All are of the same held-out rows, by which nothing was trained or chosen; bars are intervals.",
      table: () => ({ columns: ["model", title, "low", "high"], rows: rows.map((one) => [one.name, one.scores[score].value, one.scores[score].value_low, one.scores[score].value_high]) }),
      figure: () => figure,
    });
    return {
      element,
      draw() {},
      build(width) {
        const left = Math.min(150, width * 0.36);
        const height = rows.length * 28 + 48;
        const values = rows.flatMap((one) => Object.values(one.scores[score])).filter(finite);
        const [low, high] = [Math.min(...values), Math.max(...values)];
        const pad = (high - low || 1) * 0.08;
        const axes = plot({ width, height, left, right: 16, top: 4, x: [low - pad, high + pad], y: [0, 0], xLabel: title, yLabel: "", label: title });
        axes.root.querySelectorAll(".grid, .grid + text").forEach((one) => one.remove());
        figure = axes.root;
        rows.forEach((one, row) => {
          const y = 18 + row * 28;
          const { value, value_low: from, value_high: to } = one.scores[score];
          axes.inner.append(
            svg("text", { class: "label", x: left - 10, y: y + 4, "text-anchor": "end" }, one.name),
            finite(from) ? svg("line", { class: "whisker", x1: axes.x(from), x2: axes.x(to), y1: y, y2: y }) : "",
            svg("circle", { class: "group", cx: axes.x(value), cy: y, r: 5 }, svg("title", {}, `${short(value)} (${short(from)} to ${short(to)})`)));
        });
        body.replaceChildren(figure);
      },
    };
  });
}
