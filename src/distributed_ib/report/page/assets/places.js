// The state of the page, and what follows from it without any drawing.

/** The index of the nearest of some rising numbers. */
export function nearestOf(values, wanted) {
  let low = 0;
  let high = values.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle;
    else high = middle;
  }
  return Math.abs(values[low] - wanted) <= Math.abs(values[high] - wanted) ? low : high;
}

/** The place that a key leads to from another one; null for a key that moves nothing. */
export function placeAfterKey(key, place, nPlaces) {
  const moves = {
    ArrowLeft: -1,
    ArrowDown: -1,
    ArrowRight: 1,
    ArrowUp: 1,
    PageDown: -10,
    PageUp: 10,
    Home: -nPlaces,
    End: nPlaces,
  };
  if (!(key in moves)) return null;
  return Math.min(Math.max(place + moves[key], 0), nPlaces - 1);
}

/** The fewest digits of a number of bits that still name its place among all. */
export function shortBits(totals, place) {
  for (let digits = 1; digits < 12; digits++) {
    const text = totals[place].toFixed(digits);
    if (nearestOf(totals, Number(text)) === place) return text;
  }
  return String(totals[place]);
}

/** A state from the fragment of the address; what is missing or unknown is left out. */
export function stateFromFragment(fragment, parts) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const found = {};
  const part = parts.findIndex((one) => one.name === given.get("part"));
  if (part >= 0) found.part = part;
  const { components, places } = parts[Math.max(part, 0)].curves;
  if (given.has("bits") && Number.isFinite(Number(given.get("bits")))) {
    found.place = nearestOf(places.total.data, Number(given.get("bits")));
  }
  if (given.has("component")) {
    const index = components.indexOf(given.get("component"));
    if (index >= 0) found.chosen = index;
  }
  if (["light", "dark"].includes(given.get("theme"))) found.theme = given.get("theme");
  return found;
}

/** The fragment of the address that opens the same view again. */
export function fragmentOf(state, parts) {
  const { components, places } = parts[state.part].curves;
  const given = new URLSearchParams();
  if (parts.length > 1) given.set("part", parts[state.part].name);
  given.set("bits", shortBits(places.total.data, state.place));
  if (state.chosen !== null) given.set("component", components[state.chosen]);
  if (state.theme) given.set("theme", state.theme);
  return `#${given}`;
}

/** The components that convey more than a threshold at a place, most bits first. */
export function inUse(curves, place, threshold) {
  const n = curves.components.length;
  const bits = curves.places.bits.data;
  const order = [];
  for (let k = 0; k < n; k++) if (bits[place * n + k] > threshold) order.push(k);
  return order.sort((a, b) => bits[place * n + b] - bits[place * n + a]);
}

/** Components in the order in which they matter: at the simplest place, then at the best, then at
 * most. */
export function byImportance(curves) {
  const n = curves.components.length;
  const bits = curves.places.bits.data;
  const nPlaces = curves.places.total.data.length;
  const most = new Float64Array(n);
  for (let p = 0; p < nPlaces; p++) {
    for (let k = 0; k < n; k++) most[k] = Math.max(most[k], bits[p * n + k]);
  }
  const at = (place, k) => (bits[place * n + k] > 0.05 ? bits[place * n + k] : 0);
  return [...Array(n).keys()].sort(
    (a, b) =>
      at(curves.simplest, b) - at(curves.simplest, a) ||
      at(curves.best, b) - at(curves.best, a) ||
      most[b] - most[a] ||
      a - b,
  );
}

/** Stretches of places in which a component is in use: pairs of the first and the last. */
export function stretches(curves, component, threshold) {
  const n = curves.components.length;
  const bits = curves.places.bits.data;
  const nPlaces = curves.places.total.data.length;
  const found = [];
  for (let p = 0; p < nPlaces; p++) {
    if (!(bits[p * n + component] > threshold)) continue;
    const last = found[found.length - 1];
    if (last && last[1] === p - 1) last[1] = p;
    else found.push([p, p]);
  }
  return found;
}
