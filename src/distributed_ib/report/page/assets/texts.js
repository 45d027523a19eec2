// Numbers and names as text.

/** A number with so many digits after the point; "-" where it is not known. */
export function fixed(value, digits = 2) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "-";
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text;
}

/** A number with three significant digits, as short as it can be written. */
export function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "-";
  if (value !== 0 && (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3)) {
    return value.toExponential(2).replace("e+", "e");
  }
  const rounded = Number(value.toPrecision(Math.abs(value) >= 100 ? 4 : 3));
  return String(rounded);
}

/** A name cut to some characters, whole characters each. */
export function cut(name, most) {
  const letters = [...name];
  return letters.length <= most ? name : `${letters.slice(0, most - 1).join("")}…`;
}

/** Names in a sentence, each apart from what stands around it, whichever way it is written. */
export function listed(names, most) {
  const shown = names.slice(0, most).map((name) => `\u2068${name}\u2069`).join(", ");
  return names.length > most ? `${shown}, ...` : shown;
}

/** A cell of a CSV file. Text that a spreadsheet would take for a formula gets an apostrophe. */
export function csvCell(value) {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  if (value === null || value === undefined) return "";
  let text = String(value);
  if (/^[\s\u0000-\u001f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]*[=+\-@]/.test(text) || /^[\t\r]/.test(text)) {
    text = `'${text}`;
  }
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Rows of cells as a CSV file. */
export function csvText(columns, rows) {
  return [columns, ...rows].map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

/** A value as text; null stands for a number that is missing. */
export function nameOf(kind, value) {
  if (value === null) return "missing";
  return kind === "number" ? short(value) : value;
}

/** Values that a channel hardly tells apart, as text for each group: "0 - 6, 23". */
export function symbolTexts(kind, values, symbols) {
  const count = symbols.length ? Math.max(...symbols) + 1 : 0;
  const texts = [];
  for (let s = 0; s < count; s++) {
    const runs = [];
    for (let k = 0; k < values.length; k++) {
      if (symbols[k] !== s) continue;
      const last = runs[runs.length - 1];
      if (kind === "number" && last && last[1] === k - 1 && values[k] !== null) last[1] = k;
      else runs.push([k, k]);
    }
    const name = (k) => nameOf(kind, values[k]);
    texts.push(
      runs
        .map(([a, b]) => (a === b ? name(a) : b === a + 1 ? `${name(a)}, ${name(b)}` : `${name(a)} – ${name(b)}`))
        .join(", "),
    );
  }
  return texts;
}
