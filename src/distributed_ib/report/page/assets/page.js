// The page: one state, and every view a function of it.

import { linesView, planeView, subsetsView } from "./curve_views.js";
import { decoded } from "./data.js";
import { html } from "./drawing.js";
import { evidenceViews } from "./evidence_views.js";
import { byImportance, fragmentOf, nearestOf, placeAfterKey, stateFromFragment } from "./places.js";
import { predictionViews } from "./prediction_views.js";
import { readingView } from "./reading_view.js";
import { sectionsView, sentences, studyViews } from "./report_views.js";
import { fixed, short } from "./texts.js";
import { valuesView } from "./value_views.js";
import { whatIfView } from "./whatif_view.js";

const PLAY_MS = 90;
const PLAY_SLOWLY_MS = 700;

function start() {
  const page = decoded(JSON.parse(document.getElementById("data").textContent));
  const root = document.getElementById("page");
  document.title = page.title;
  opening(page);
  closing(page);
  if (!page.parts.length) {
    document.getElementById("bar").remove();
    return;
  }
  const state = { part: 0, place: 0, chosen: null, hovered: null, theme: "" };
  state.place = page.parts[0].curves.simplest;
  Object.assign(state, stateFromFragment(location.hash, page.parts));
  if (state.part && !location.hash.includes("bits=")) state.place = page.parts[state.part].curves.simplest;
  const shown = document.getElementById("views");
  let views = [];
  let marked = new Map();
  let queued = 0;
  let timer = 0;
  const timings = [];

  const slider = document.getElementById("slider");
  const reading = document.getElementById("reading");
  const curves = () => page.parts[state.part].curves;

  function showPart() {
    const { curves: own, content, evidence } = page.parts[state.part];
    const described = { ...page, target: content?.target?.name || "Y", evidence };
    const ranks = new Map();
    byImportance(own).forEach((k, rank) => ranks.set(k, rank));
    const rankOf = own.components.map((_, k) => ranks.get(k));
    views = [
      ...studyViews(described, own, content, rankOf),
      planeView(described, own, move),
      linesView(described, own, rankOf, move),
      subsetsView(described, own, rankOf, move),
    ];
    if (content) {
      const channels = Object.keys(content.values.channels).length && content.steps.data.length;
      views.push(channels ? valuesView(described, own, content, rankOf) : null);
      views.push(readingView(described, own, content));
      views.push(...predictionViews(described, own, content, rankOf, choose));
      views.push(whatIfView(described, own, content, rankOf));
    }
    views.push(...evidenceViews(described, own, evidence, rankOf));
    views = views.filter(Boolean);
    shown.replaceChildren(...views.map((view) => view.element));
    slider.max = own.places.total.data[own.places.total.data.length - 1];
    build();
  }

  function build() {
    for (const view of views) {
      const body = view.element.querySelector(".body");
      view.build(Math.max(240, body.clientWidth));
    }
    draw();
    mark();
  }

  function mark() {
    marked = new Map();
    for (const element of shown.querySelectorAll("[data-component]")) {
      const k = Number(element.dataset.component);
      if (!marked.has(k)) marked.set(k, []);
      marked.get(k).push(element);
    }
    highlight(true);
  }

  let lit = "";
  function highlight(anew) {
    const on = new Set([state.chosen, state.hovered].filter((k) => k !== null));
    const now = [...on].join(" ");
    if (!anew && now === lit) return;
    lit = now;
    shown.classList.toggle("focused", on.size > 0);
    for (const [k, elements] of marked) for (const element of elements) element.classList.toggle("on", on.has(k));
  }

  function draw() {
    const began = performance.now();
    const p = curves().places;
    const total = p.total.data[state.place];
    slider.value = total;
    reading.textContent = `${fixed(total)} bits (beta ${short(p.beta.data[state.place])})`;
    slider.setAttribute("aria-valuetext", `${fixed(total)} bits, ${fixed(p.known.data[state.place])} bits known`);
    for (const view of views) view.draw(state);
    timings.push(performance.now() - began);
  }

  function update(change) {
    const before = state.place;
    Object.assign(state, change);
    if (queued) return;
    queued = requestAnimationFrame(() => {
      queued = 0;
      const rows = shown.querySelectorAll(".row").length;
      draw();
      if (shown.querySelectorAll(".row").length !== rows) mark();
      else highlight(false);
      if (before !== state.place || "chosen" in change || "theme" in change) remember();
    });
  }

  let remembering = 0;
  function remember() {
    clearTimeout(remembering);
    remembering = setTimeout(() => {
      try {
        history.replaceState(null, "", fragmentOf(state, page.parts));
      } catch {
        // In a notebook the page has no address of its own.
      }
    }, 120);
  }

  function move(place) {
    update({ place });
  }

  function choose(k) {
    update({ chosen: state.chosen === k ? null : k, hovered: null });
  }

  slider.addEventListener("input", () => move(nearestOf(curves().places.total.data, slider.valueAsNumber)));
  slider.addEventListener("keydown", (event) => {
    const place = placeAfterKey(event.key, state.place, curves().places.total.data.length);
    if (place === null) return;
    event.preventDefault();
    move(place);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") update({ chosen: null, hovered: null });
    if (["Enter", " "].includes(event.key) && event.target.matches?.("[data-component][tabindex]")) {
      event.preventDefault();
      choose(Number(event.target.dataset.component));
    }
  });
  const componentOf = (target) => {
    const found = target.closest?.("[data-component]");
    return found ? Number(found.dataset.component) : null;
  };
  shown.addEventListener("pointerover", (event) => {
    const hovered = componentOf(event.target);
    if (hovered !== state.hovered) update({ hovered });
  });
  shown.addEventListener("pointerleave", () => update({ hovered: null }));
  shown.addEventListener("focusin", (event) => {
    const hovered = componentOf(event.target);
    if (hovered !== null && event.target.matches(":focus-visible")) update({ hovered });
  });
  shown.addEventListener("focusout", () => update({ hovered: null }));
  shown.addEventListener("click", (event) => {
    if (event.target.closest("input, select, button, summary, label")) return;
    const k = componentOf(event.target);
    if (k !== null) choose(k);
  });

  const play = document.getElementById("play");
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    play.textContent = "play";
  };
  play.addEventListener("click", () => {
    if (timer) return stop();
    const last = curves().places.total.data.length - 1;
    if (state.place >= last) state.place = 0;
    const slowly = matchMedia("(prefers-reduced-motion: reduce)").matches;
    play.textContent = "pause";
    timer = setInterval(() => {
      if (state.place >= last) return stop();
      move(state.place + 1);
    }, slowly ? PLAY_SLOWLY_MS : PLAY_MS);
  });
  for (const [name, step] of [["back", -1], ["on", 1]]) {
    document.getElementById(name).addEventListener("click", () => {
      const last = curves().places.total.data.length - 1;
      move(Math.min(Math.max(state.place + step, 0), last));
    });
  }
  for (const name of ["simplest", "best"]) {
    document.getElementById(name).addEventListener("click", () => move(curves()[name]));
  }

  const theme = document.getElementById("theme");
  const showTheme = () => {
    const dark = state.theme ? state.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    theme.textContent = dark ? "light" : "dark";
  };
  theme.addEventListener("click", () => {
    state.theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    showTheme();
    remember();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
  showTheme();

  if (page.parts.length > 1) {
    const select = document.getElementById("part");
    select.parentElement.hidden = false;
    select.append(...page.parts.map((part, k) => html("option", { value: k }, part.name)));
    select.value = state.part;
    select.addEventListener("change", () => {
      Object.assign(state, { part: Number(select.value), chosen: null, hovered: null });
      state.place = curves().simplest;
      stop();
      showPart();
      remember();
    });
  }
  addEventListener("hashchange", () => {
    const found = stateFromFragment(location.hash, page.parts);
    if (found.part !== undefined && found.part !== state.part) {
      Object.assign(state, { chosen: null }, found);
      showPart();
    } else update({ chosen: null, ...found });
    showTheme();
  });
  let width = root.clientWidth;
  new ResizeObserver(() => {
    if (Math.abs(root.clientWidth - width) < 2) return;
    width = root.clientWidth;
    build();
  }).observe(root);
  addEventListener("beforeprint", build);
  showPart();
  window.dib = { state, page, timings, views: () => views, move, showPart };
  root.dataset.ready = "true";
}

function opening(page) {
  const first = page.sections[0] || { findings: [] };
  document.getElementById("title").textContent = page.title;
  document.getElementById("about").textContent = page.head;
  document.getElementById("findings").replaceChildren(
    // What was found before how the sweep went.
    ...sentences([...first.findings.filter((one) => one.kind !== "note"), ...first.findings.filter((one) => one.kind === "note")]),
  );
}

function closing(page) {
  const rest = page.sections.map((section, k) => (k ? section : { ...section, title: section.tables.length || section.notes ? section.title : "", findings: [] }));
  document.getElementById("sections").replaceChildren(...sectionsView(rest).filter(Boolean));
  const made = document.getElementById("made");
  for (const [name, value] of page.made) made.append(html("dt", {}, name), html("dd", {}, value));
}

start();
