// The report in words and tables, how it was made, and the study's own views.

import { componentClass } from "./curve_views.js";
import { panel, save, tableOf } from "./downloads.js";
import { html, svg, ticks } from "./drawing.js";
import { inUse, nearestOf } from "./places.js";
import { csvText, listed } from "./texts.js";

/** Sentences of a section; warnings say that they are. */
export function sentences(findings) {
  return findings.map(({ text, kind }) =>
    kind === "warning"
      ? html("p", { class: "warning" }, html("strong", {}, "Warning: "), text)
      : html("p", { class: kind }, text),
  );
}

/** Every section of the report after the opening, with its tables. */
export function sectionsView(sections) {
  return sections.map(({ title, findings, tables, notes }) => {
    if (!findings.length && !tables.length && !notes) return null;
    return html(
      "section",
      { class: "report" },
      title ? html("h3", {}, title) : null,
      sentences(findings),
      tables.map((table) =>
        html("figure", {},
          html("div", { class: "scroll" }, tableOf(table.columns, table.rows, table.title)),
          table.notes ? html("figcaption", { class: "note" }, table.notes) : null,
          html("button", { type: "button", "data-download": `table-${table.name}.csv`, onclick: () => save(`table-${table.name}.csv`, "text/csv;charset=utf-8", csvText(table.columns, table.values)) }, "CSV")),
      ),
      notes ? html("p", { class: "note" }, notes) : null,
    );
  });
}

/** The study's own views, drawn by what kind they are. */
export function studyViews(page, curves, content, ranks) {
  const kinds = { pictures: picturesView, drawing: drawingView, spans: spansView };
  return (content?.views || []).map((view) => kinds[view.kind]?.(page, curves, view, ranks)).filter(Boolean);
}

/** Pictures at some places, beside the true one. */
function picturesView(page, curves, view) {
  const placeOfStep = new Map([...curves.places.step.data].map((step, place) => [step, place]));
  const frames = view.frames.map((frame) => ({ ...frame, place: placeOfStep.get(frame.step) })).filter((frame) => frame.place !== undefined);
  const totals = curves.places.total.data;
  frames.sort((a, b) => totals[a.place] - totals[b.place]);
  const known = frames.map((frame) => totals[frame.place]);
  if (!frames.length) return null;
  const { element, body } = panel({ title: view.title, name: view.name, meaning: view.meaning, figure: () => savedPicture(image) });
  const image = html("img", { alt: `${view.title} at the slider's place`, class: "picture" });
  const caption = html("figcaption", { class: "words" });
  const truth = view.truth ? html("figure", {}, html("img", { alt: view.truth_label, src: view.truth, class: "picture" }), html("figcaption", { class: "words" }, view.truth_label)) : null;
  body.append(html("div", { class: "pictures" }, html("figure", {}, image, caption), truth));
  let before = -1;
  return {
    element,
    build() {},
    draw(state) {
      const k = nearestOf(known, totals[state.place]);
      if (k === before) return;
      before = k;
      image.src = frames[k].image;
      caption.textContent = frames[k].caption;
    },
  };
}

/** A picture as a drawing, to be saved. */
function savedPicture(image) {
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  return svg("svg", { width, height, viewBox: `0 0 ${width} ${height}` }, svg("image", { width, height, href: image.src, "image-rendering": "pixelated" }));
}

/** A drawing whose parts belong to components and are lit by what these say. */
function drawingView(page, curves, view, ranks) {
  let figure = null;
  const { element, body } = panel({ title: view.title, name: view.name, meaning: view.meaning, figure: () => figure });
  const [left, top, width, height] = view.box;
  figure = svg("svg", { viewBox: `${left} ${top} ${width} ${height}`, class: "plot drawing", role: "img", "aria-label": view.title });
  const lit = new Map();
  for (const shape of view.shapes) {
    const k = shape.component === undefined || shape.component === null ? -1 : curves.components.indexOf(shape.component);
    const css = `shape ${shape.role}${k >= 0 ? ` component ${componentClass(ranks[k])}` : ""}`;
    const common = { class: css, "data-component": k >= 0 ? k : null };
    const drawn = shape.text !== undefined
      ? svg("text", { ...common, x: shape.x, y: shape.y, "font-size": shape.size, "text-anchor": shape.anchor }, shape.text)
      : svg("path", { ...common, d: shape.d, "stroke-width": shape.width });
    figure.append(drawn);
    if (k >= 0) lit.set(k, [...(lit.get(k) || []), drawn]);
  }
  const words = html("p", { class: "words" });
  body.append(words, html("div", { class: "scroll" }, figure));
  return {
    element,
    build(full) {
      figure.setAttribute("width", Math.min(full, width * 42));
    },
    draw(state) {
      const used = inUse(curves, state.place, page.threshold_bits);
      for (const [k, shapes] of lit) for (const shape of shapes) shape.classList.toggle("dark", !used.includes(k));
      words.textContent = used.length ? `In use: ${listed(used.map((k) => curves.components[k]), 20)}.` : "None is in use here.";
    },
  };
}

/** A curve along whose axis the components have stretches that are lit by what they say. */
function spansView(page, curves, view, ranks) {
  const n = curves.components.length;
  let figure = null;
  const { element, body } = panel({
    title: view.title, name: view.name, meaning: view.meaning, wide: true,
    figure: () => figure,
    table: () => ({ columns: ["component", "from", "to"], rows: view.spans.map((one) => [one.component, one.from, one.to]) }),
  });
  const bars = [];
  let most = 1e-9;
  for (const value of curves.places.bits.data) if (value > most) most = value;
  return {
    element,
    build(width) {
      bars.length = 0;
      const root = svg("svg", { width, height: view.curves.length * 150 + 40, viewBox: `0 0 ${width} ${view.curves.length * 150 + 40}`, class: "plot", role: "img", "aria-label": view.title });
      figure = root;
      view.curves.forEach((curve, row) => {
        const [low, high] = view.range;
        const top = row * 150 + 8;
        const x = (value) => 50 + ((value - low) / (high - low)) * (width - 64);
        let highest = 1e-9;
        for (const value of curve.y.data) if (value > highest) highest = value;
        const y = (value) => top + 130 - (value / highest) * 116;
        for (const span of view.spans.filter((one) => one.curve === row)) {
          const k = curves.components.indexOf(span.component);
          if (k < 0) continue;
          const bar = svg("rect", { class: `span component ${componentClass(ranks[k])}`, "data-component": k, x: x(span.from), width: Math.max(1, x(span.to) - x(span.from) - 0.5), y: top, height: 130 }, svg("title", {}, span.component));
          bars.push([k, bar]);
          root.append(bar);
        }
        const points = [...curve.x.data.keys()].map((k) => `${k ? "L" : "M"}${x(curve.x.data[k]).toFixed(1)} ${y(curve.y.data[k]).toFixed(1)}`);
        root.append(svg("path", { class: "known", d: points.join("") }), svg("line", { class: "axis", x1: 50, x2: width - 14, y1: top + 130, y2: top + 130 }), svg("text", { x: 54, y: top + 14 }, curve.label));
        if (row === view.curves.length - 1) {
          for (const tick of ticks(low, high, width / 110)) root.append(svg("line", { class: "axis", x1: x(tick), x2: x(tick), y1: top + 130, y2: top + 135 }), svg("text", { x: x(tick), y: top + 149, "text-anchor": "middle" }, String(tick)));
          root.append(svg("text", { class: "label", x: width / 2, y: top + 168, "text-anchor": "middle" }, view.x_label));
        }
      });
      body.replaceChildren(root);
    },
    draw(state) {
      for (const [k, bar] of bars) {
        const share = Math.max(0, curves.places.bits.data[state.place * n + k]) / most;
        bar.setAttribute("fill-opacity", (share < 0.01 ? 0 : 0.15 + 0.85 * share ** 0.5).toFixed(3));
      }
    },
  };
}
