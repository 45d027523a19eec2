// The approximation as a table that can be read: symbols of each component, and predictions.

import { panel, tableOf } from "./downloads.js";
import { html } from "./drawing.js";
import { nearestOf } from "./places.js";
import { fixed, short } from "./texts.js";

const LONG = 28;
const LISTED = 120;

/** The view; null where no approximation was made readable. */
export function readingView(page, curves, content) {
  const totals = curves.places.total.data;
  const placeOfStep = new Map([...curves.places.step.data].map((step, place) => [step, place]));
  const found = (content.readable || [])
    .map((one) => ({ ...one, place: placeOfStep.get(one.step) }))
    .filter((one) => one.place !== undefined)
    .sort((a, b) => totals[a.place] - totals[b.place]);
  if (!found.length) return null;
  const known = found.map((one) => totals[one.place]);
  let now = found[0];
  const words = html("p", { class: "words" });
  const holder = html("div", { class: "scroll" });
  const legend = html("dl", {});
  const formula = html("pre", {});
  const { element, body } = panel({
    title: "Read it",
    name: "reading",
    wide: true,
    meaning:
      "A row holds for data whose components have these symbols; of several that fit, the first. A " +
      "symbol is some values that the approximation does not tell apart, \"any\" all of them. The " +
      `sentence above the table says how much of what the approximation knows it keeps.`,
    table: () => ({ columns: headings(now), rows: now.rows.map((row) => cells(now, row, true)) }),
  });
  body.append(words, holder, legend, formula);
  let before = -1;
  return {
    element,
    build() {},
    draw(state) {
      const k = nearestOf(known, totals[state.place]);
      if (k === before) return;
      before = k;
      now = found[k];
      words.textContent = sentence(now, known[k]);
      holder.replaceChildren(tableOf(headings(now), now.rows.map((row) => cells(now, row, false))));
      const named = now.components.flatMap((one) => one.symbols.filter((symbol) => symbol.name !== symbol.text).map((symbol) => [`${one.name}: ${symbol.name}`, valuesOf(symbol)]));
      legend.replaceChildren(...named.flatMap(([name, text]) => [html("dt", {}, name), html("dd", {}, text)]));
      formula.hidden = !now.formula?.length;
      formula.textContent = (now.formula || []).join("\n");
    },
  };
}

function sentence(one, bits) {
  const parts = one.components.map((component) => `${component.name} ${fixed(component.conveyed_bits)}`);
  const kept = Number.isFinite(one.kept_share) && one.kept_share !== null
    ? ` This table keeps ${fixed(100 * one.kept_share, 0)} % of the ${fixed(one.known_bits)} bits that are known${one.reported_on ? ` on ${one.n_reported} ${one.reported_on}` : ""}.`
    : "";
  return `At ${fixed(bits)} bits${parts.length ? ` (${parts.join(", ")})` : ""}.${kept}`;
}

function headings(one) {
  const outputs = one.outputs.length > 1 ? one.outputs : [one.target];
  const predicted = outputs.flatMap((name) => (one.classes.length ? [name, "probability"] : [`${name}, mean`, "median", "nine of ten"]));
  return [...one.components.map((component) => component.name), ...predicted, "share of rows"];
}

function cells(one, row, plain) {
  const predicted = row.predictions.flatMap((found) => {
    if (one.classes.length) {
      const most = Math.max(...found.probabilities);
      return [String(found.value), plain ? most : fixed(most)];
    }
    const interval = `${short(found.low)} to ${short(found.high)}`;
    return plain ? [found.value, found.median, interval] : [short(found.value), short(found.median), interval];
  });
  return [...one.components.map((component, k) => symbolText(component, row, k)), ...predicted, plain ? row.share : `${fixed(100 * row.share, 1)} %`];
}

/** For which symbols of a component a row holds: long lists of values go by their names. */
function symbolText(component, row, place) {
  const chosen = row.symbols[place].map((k) => component.symbols[k]);
  if (chosen.length === component.symbols.length) return "any";
  const named = chosen.length === 1 || chosen.every((symbol) => symbol.name !== symbol.text);
  const text = row.texts[place];
  return named || text.length > LONG ? chosen.map((symbol) => symbol.name).join(" or ") : text;
}

/** The values of a symbol; of "the others" only if the list is short. */
function valuesOf(symbol) {
  return symbol.name === "the others" && symbol.text.length > LISTED ? "all other values" : symbol.text;
}
