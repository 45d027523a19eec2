// Downloads: curves as CSV, figures as SVG.

import { html } from "./drawing.js";
import { csvText } from "./texts.js";

const STYLES = [
  "fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "fill-opacity", "font-size",
  "font-weight", "font-family", "text-anchor",
];

/** Save a text under a name. */
export function save(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = html("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/** An SVG as a file of its own, with the styles that it has on the page. */
export function svgText(figure) {
  if (!figure.isConnected) {
    // Styles are known of what stands in the page alone.
    figure.classList.add("away");
    document.body.append(figure);
    const text = svgText(figure);
    figure.remove();
    return text;
  }
  const copy = figure.cloneNode(true);
  const shown = [figure, ...figure.querySelectorAll("*")];
  [copy, ...copy.querySelectorAll("*")].forEach((element, k) => {
    const style = getComputedStyle(shown[k]);
    for (const name of STYLES) {
      const value = style.getPropertyValue(name);
      if (value) element.setAttribute(name, value);
    }
    element.removeAttribute("class");
    element.removeAttribute("data-component");
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const back = getComputedStyle(document.body).backgroundColor;
  const sheet = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  sheet.setAttribute("width", "100%");
  sheet.setAttribute("height", "100%");
  sheet.setAttribute("fill", back);
  copy.prepend(sheet);
  return new XMLSerializer().serializeToString(copy);
}

/** A panel of the page: title, what it means, downloads and a table of its numbers. */
export function panel({ title, meaning, name, table, figure, wide = false }) {
  const body = html("div", { class: "body" });
  const tools = html("div", { class: "tools" });
  if (table) {
    tools.append(
      html("button", { type: "button", "data-download": `${name}.csv`, onclick: () => {
        const { columns, rows } = table();
        save(`${name}.csv`, "text/csv;charset=utf-8", csvText(columns, rows));
      } }, "CSV"),
    );
  }
  if (figure) {
    tools.append(
      html("button", { type: "button", "data-download": `${name}.svg`, onclick: () => {
        const found = figure();
        if (found) save(`${name}.svg`, "image/svg+xml", svgText(found));
      } }, "SVG"),
    );
  }
  const element = html(
    "section",
    { class: wide ? "panel wide" : "panel", id: `view-${name}` },
    html("header", {}, html("h2", {}, title), tools),
    body,
    html("details", { class: "meaning" }, html("summary", {}, "What does this mean?"), html("p", {}, meaning)),
  );
  if (table) element.append(numbersOf(table));
  return { element, body };
}

/** The numbers of a view as a table, made when it is unfolded. */
function numbersOf(table) {
  const holder = html("div", { class: "scroll" });
  const details = html("details", { class: "numbers" }, html("summary", {}, "The numbers as a table"), holder);
  details.addEventListener("toggle", () => {
    if (!details.open) return;
    const { columns, rows } = table();
    const most = 60;
    const step = Math.max(1, Math.ceil(rows.length / most));
    const shown = rows.filter((_, k) => k % step === 0);
    holder.replaceChildren(tableOf(columns, shown.map((row) => row.map(cellText))));
    if (step > 1) holder.append(html("p", { class: "note" }, `Every ${step}th row; the CSV has all ${rows.length}.`));
  });
  return details;
}

function cellText(value) {
  return typeof value === "number" ? (Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "-") : value;
}

/** A table of texts. */
export function tableOf(columns, rows, caption) {
  return html(
    "table",
    {},
    caption ? html("caption", {}, caption) : null,
    html("thead", {}, html("tr", {}, columns.map((name) => html("th", { scope: "col" }, name)))),
    html("tbody", {}, rows.map((row) => html("tr", {}, row.map((cell, k) => html(k ? "td" : "th", k ? {} : { scope: "row" }, String(cell)))))),
  );
}
