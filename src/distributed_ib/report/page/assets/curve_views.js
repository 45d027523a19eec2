// The information plane, the bits of every component, and the subsets in use.

import { panel } from "./downloads.js";
import { pathOf, plot, scale, spread, svg } from "./drawing.js";
import { inUse, nearestOf, stretches } from "./places.js";
import { cut, fixed, listed } from "./texts.js";

const COLORED = 12;

/** Classes by which a component has the same colour and dashes everywhere. */
export function componentClass(rank) {
  if (rank >= COLORED) return "plain";
  return `c${rank % 6}${rank >= 6 ? " dashed" : ""}`;
}

function told(measure) {
  return measure === "kl" ? "bits that X may tell at most (sum of KL)" : "bits told of X (sum over components)";
}

/** Dragging in a plot moves the slider. */
function movable(root, x, totals, move) {
  const place = (event) => {
    const box = root.getBoundingClientRect();
    move(nearestOf(totals, x.inverse(((event.clientX - box.left) / box.width) * root.viewBox.baseVal.width)));
  };
  root.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("[data-component]")) return;
    root.setPointerCapture(event.pointerId);
    place(event);
  });
  root.addEventListener("pointermove", (event) => {
    if (root.hasPointerCapture(event.pointerId)) place(event);
  });
}

/** What is known about Y against the bits told. */
export function planeView(page, curves, move) {
  const p = curves.places;
  const totals = p.total.data;
  const table = () => ({
    columns: ["beta", "bits told", "bits known", "low", "high", "known on training rows", "averaged predictions know"],
    rows: [...totals.keys()].map((k) => [
      p.beta.data[k], totals[k], p.known.data[k], p.known_low?.data[k], p.known_high?.data[k],
      p.known_train?.data[k], p.averaged?.data[k],
    ]),
  });
  let figure = null;
  let marker = null;
  const { element, body } = panel({
    title: `Known about ${page.target} against bits told`,
    name: "plane",
    meaning:
      "Every point is an approximation: how much it may be told about X, and how much it then knows " +
      `about Y, on ${curves.rows}. The steeper the rise, the more the first bits are worth. A level ` +
      "or falling curve says that further bits do not help on rows that were not trained on." +
      (p.known_low ? " The band is two standard errors of these rows." : ""),
    table,
    figure: () => figure,
  });
  return {
    element,
    build(width) {
      const height = Math.max(260, Math.min(360, width * 0.62));
      const highest = Math.max(...p.known.data, ...(p.known_high?.data || []), 1e-3);
      const seen = [...p.known.data, ...(p.known_low?.data || [])].filter(Number.isFinite);
      const lowest = Math.max(Math.min(0, ...seen), -0.6 * highest);
      const axes = plot({
        width, height,
        x: [0, Math.max(totals[totals.length - 1], 1e-3) * 1.02],
        y: [lowest, highest * 1.08],
        xLabel: told(curves.measure),
        yLabel: "bits known about Y",
        label: `Bits known about Y against bits told, ${curves.rows}`,
      });
      const { inner, x, y } = axes;
      figure = axes.root;
      const clamp = (value) => y(Math.min(Math.max(value, lowest), highest * 1.08));
      const xs = [...totals].map(x);
      if (p.known_low) {
        const low = [...p.known_low.data].map(clamp);
        const high = [...p.known_high.data].map(clamp);
        inner.append(svg("path", { class: "band", d: `${pathOf(xs, high)}L${pathOf([...xs].reverse(), low.reverse()).slice(1)}Z` }));
      }
      const line = (array, css, text) => {
        const ys = [...array.data].map((v) => (v > highest * 1.08 || v < lowest ? NaN : y(v)));
        inner.append(svg("path", { class: css, d: pathOf(xs, ys) }, svg("title", {}, text)));
        return ys;
      };
      if (p.known_train) {
        const ys = line(p.known_train, "train", "training rows");
        const at = ys.findLastIndex(Number.isFinite);
        if (at >= 0) inner.append(svg("text", { class: "aside", x: Math.max(x.range[0] + 90, xs[at] - 6), y: Math.max(ys[at] - 6, 22), "text-anchor": "end" }, "training rows"));
      }
      const known = line(p.known, "known", curves.rows);
      const names = [["simplest", curves.simplest], ["best", curves.best]];
      const same = curves.simplest === curves.best;
      for (const [name, at] of same ? [["best, simplest", curves.best]] : names) {
        const near = !same && Math.abs(xs[curves.best] - xs[curves.simplest]) < 70;
        const anchor = near ? (at === (totals[curves.best] < totals[curves.simplest] ? curves.best : curves.simplest) ? "end" : "start") : xs[at] > width - 80 ? "end" : "middle";
        inner.append(
          svg("g", { class: "mark", "data-place": at, onclick: () => move(at) },
            svg("line", { x1: xs[at], x2: xs[at], y1: known[at], y2: axes.bottom }),
            svg("path", { d: name.startsWith("best") ? `M${xs[at]} ${known[at] - 6}l6 6l-6 6l-6 -6z` : `M${xs[at] - 5} ${known[at] - 5}h10v10h-10z` }),
            svg("text", { x: xs[at], y: axes.bottom - 8 , "text-anchor": anchor, dx: anchor === "start" ? 5 : anchor === "end" ? -5 : 0 }, name)),
        );
      }
      marker = svg("g", { class: "marker" },
        svg("line", { x1: 0, x2: 0, y1: axes.top, y2: axes.bottom }),
        svg("circle", { r: 6 }));
      inner.append(marker);
      this.place = (state) => {
        marker.setAttribute("transform", `translate(${xs[state.place].toFixed(1)} 0)`);
        marker.lastChild.setAttribute("cy", Number.isFinite(known[state.place]) ? known[state.place].toFixed(1) : -100);
      };
      movable(figure, x, totals, move);
      body.replaceChildren(figure);
    },
    draw(state) {
      this.place(state);
    },
  };
}

/** The bits of every component against those of all together. */
export function linesView(page, curves, ranks, move) {
  const p = curves.places;
  const totals = p.total.data;
  const n = curves.components.length;
  const bits = (place, k) => p.bits.data[place * n + k];
  const bounds = p.lower ? (place, k) => [p.lower.data[place * n + k], p.upper.data[place * n + k]] : () => [];
  const table = () => ({
    columns: ["beta", "bits told", ...curves.components, ...(p.lower ? curves.components.flatMap((name) => [`${name}, at least`, `${name}, at most`]) : [])],
    rows: [...totals.keys()].map((place) => [
      p.beta.data[place], totals[place],
      ...[...Array(n).keys()].map((k) => bits(place, k)),
      ...(p.lower ? [...Array(n).keys()].flatMap((k) => bounds(place, k)) : []),
    ]),
  });
  let figure = null;
  const { element, body } = panel({
    title: "Bits of every component",
    name: "components",
    meaning:
      "How many of the bits told are about each component. Components that keep theirs the longest, " +
      "towards the left, are those that the approximation can spare least. Of components that tell " +
      "the same, one may be kept and the other dropped by chance.",
    table,
    figure: () => figure,
  });
  return {
    element,
    build(width) {
      const height = Math.max(260, Math.min(360, width * 0.62));
      const letters = width < 420 ? 8 : 14;
      const longest = Math.max(...curves.components.map((name, k) => (ranks[k] < COLORED ? [...cut(name, letters)].length : 0)));
      const right = 56 + 7 * longest;
      let most = 1e-3;
      for (const value of p.bits.data) if (value > most) most = value;
      const axes = plot({
        width, height, right,
        x: [0, Math.max(totals[totals.length - 1], 1e-3) * 1.02],
        y: [0, most * 1.05],
        xLabel: told(curves.measure),
        yLabel: "bits of the component",
        label: "Bits of every component against bits told",
      });
      const { inner, x, y } = axes;
      figure = axes.root;
      figure.setAttribute("role", "group"); // its curves can be chosen
      const xs = [...totals].map(x);
      const order = [...Array(n).keys()].sort((a, b) => ranks[b] - ranks[a]);
      for (const k of order) {
        const ys = xs.map((_, place) => y(bits(place, k)));
        const d = pathOf(xs, ys);
        inner.append(
          svg("g", { "data-component": k, class: `component ${componentClass(ranks[k])}`, tabindex: ranks[k] < COLORED ? 0 : null, role: "button", "aria-label": `choose ${curves.components[k]}` },
            svg("path", { class: "hit", d }),
            svg("path", { class: "line", d })),
        );
      }
      const rule = svg("line", { class: "rule", y1: axes.top, y2: axes.bottom });
      const named = order.filter((k) => ranks[k] < COLORED);
      const last = totals.length - 1;
      const wanted = named.map((k) => y(bits(last, k)));
      const heights = spread(wanted, 15, axes.top + 4, axes.bottom - 2);
      const labels = new Map();
      named.forEach((k, j) => {
        const number = svg("tspan", { class: "number" });
        labels.set(k, number);
        inner.append(
          svg("g", { "data-component": k, class: `component ${componentClass(ranks[k])}` },
            svg("path", { class: "lead", d: `M${xs[last] + 1} ${wanted[j]}L${xs[last] + 9} ${heights[j]}` }),
            svg("text", { x: xs[last] + 12, y: heights[j] + 4 }, svg("tspan", { class: "name" }, cut(curves.components[k], letters)), " ", number,
              svg("title", {}, curves.components[k]))),
        );
      });
      const dots = new Map(named.map((k) => [k, svg("circle", { r: 3.5, "data-component": k, class: `component dot ${componentClass(ranks[k])}` })]));
      inner.append(rule, ...dots.values());
      this.place = (state) => {
        const at = xs[state.place].toFixed(1);
        rule.setAttribute("x1", at);
        rule.setAttribute("x2", at);
        for (const [k, dot] of dots) {
          const value = bits(state.place, k);
          dot.setAttribute("cx", at);
          dot.setAttribute("cy", y(value).toFixed(1));
          labels.get(k).textContent = fixed(value);
        }
      };
      movable(figure, x, totals, move);
      body.replaceChildren(figure);
    },
    draw(state) {
      this.place(state);
    },
  };
}

/** The components in use at every place, a row for each. */
export function subsetsView(page, curves, ranks, move) {
  const totals = curves.places.total.data;
  const runs = curves.components.map((_, k) => stretches(curves, k, page.threshold_bits));
  const first = (k) => (runs[k].length ? runs[k][0][0] : Infinity);
  const shown = [...Array(runs.length).keys()].filter((k) => runs[k].length).sort((a, b) => first(a) - first(b) || ranks[a] - ranks[b]).slice(0, 60);
  let figure = null;
  let words = null;
  const { element, body } = panel({
    title: "Components in use",
    name: "subsets",
    wide: false,
    meaning: `A bar where a component conveys more than ${page.threshold_bits} bits. The rows from top to bottom are the order in which components come into use as more may be told.`,
    table: () => ({
      columns: ["component", "in use from (bits told)", "to (bits told)"],
      rows: shown.flatMap((k) => runs[k].map(([a, b]) => [curves.components[k], totals[a], totals[b]])),
    }),
    figure: () => figure,
  });
  return {
    element,
    build(width) {
      const row = shown.length > 24 ? 13 : 18;
      const left = Math.min(130, width * 0.3);
      const height = Math.max(1, shown.length) * row + 52;
      const right = 14;
      figure = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, class: "plot", role: "img", "aria-label": "Components in use against bits told" });
      const x = scale(0, Math.max(totals[totals.length - 1], 1e-3) * 1.02, left, width - right);
      const axes = plot({ width, height, left, right, top: 4, bottom: 40, x: x.domain, y: [0, 0], xLabel: told(curves.measure), yLabel: "", label: "" });
      axes.root.querySelectorAll(".grid, .grid + text").forEach((one) => one.remove());
      figure.append(...axes.root.childNodes);
      shown.forEach((k, j) => {
        const top = 4 + j * row;
        const group = svg("g", { "data-component": k, class: `component ${componentClass(ranks[k])}` },
          svg("rect", { class: "hit", x: 0, y: top, width, height: row }),
          svg("text", { x: left - 8, y: top + row * 0.72, "text-anchor": "end" }, cut(curves.components[k], Math.floor(left / 8)), svg("title", {}, curves.components[k])));
        for (const [a, b] of runs[k]) {
          const from = a === 0 ? x(totals[a]) : x((totals[a] + totals[a - 1]) / 2);
          const to = b === totals.length - 1 ? x(totals[b]) : x((totals[b] + totals[b + 1]) / 2);
          group.append(svg("rect", { class: "bar", x: from.toFixed(1), y: top + 2, width: Math.max(1.5, to - from).toFixed(1), height: row - 4 }));
        }
        figure.append(group);
      });
      const rule = svg("line", { class: "rule", y1: 2, y2: height - 40 });
      figure.append(rule);
      words = document.createElement("p");
      words.className = "words";
      this.place = (state) => {
        const at = x(totals[state.place]).toFixed(1);
        rule.setAttribute("x1", at);
        rule.setAttribute("x2", at);
        const used = inUse(curves, state.place, page.threshold_bits);
        const names = listed(used.map((k) => curves.components[k]), 12);
        words.textContent = used.length
          ? `${used.length} of ${curves.components.length} components are in use here: ${names}.`
          : "No component is in use here.";
      };
      movable(figure, x, totals, move);
      body.replaceChildren(words, figure);
    },
    draw(state) {
      this.place(state);
    },
  };
}
