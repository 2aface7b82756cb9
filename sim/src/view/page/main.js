"use strict";
const $ = (id) => document.getElementById(id);
const filters = {
  zxid: "", session: "", path: "", text: "",
  families: new Set(FAMILIES.map((_, at) => at).filter((at) => FAMILIES[at][2]).concat(FAMILIES.length)),
  hosts: new Set(run.lanes.map((_, lane) => lane)),
  cone: false,
};
const errors = [];
window.addEventListener("error", (event) => errors.push(String(event.message)));

function passes(at) {
  if (at === broken) return true;
  if (!filters.families.has(family[at]) || !filters.hosts.has(run.lane[at])) return false;
  if (filters.cone && !cone.has(at)) return false;
  const zxid = filters.zxid && zxidPair(filters.zxid);
  if (filters.zxid && (!zxid || !concerns(at, zxid))) return false;
  if (filters.session && !text(run.session[at]).includes(filters.session)) return false;
  if (filters.path && !text(run.path[at]).startsWith(filters.path)) return false;
  return !filters.text || words(at).includes(filters.text);
}

// Applies the filters, and keeps in sight what was in sight.
function refilter(keep = selected) {
  const width = sheet.parentElement.getBoundingClientRect().width;
  const offset = keep === null || rank[keep] < 0 ? width / 2 : across(keep);
  shown = [];
  for (let at = 0; at < N; at += 1) if (passes(at)) shown.push(at);
  rank = new Int32Array(N).fill(-1);
  shown.forEach((at, place) => (rank[at] = place));
  if (keep !== null) view.from = place(keep) - Math.min(Math.max(offset, 0), width) / view.scale;
  $("count").textContent = `${shown.length.toLocaleString("en")} of ${N.toLocaleString("en")} events`;
  document.body.dataset.shown = String(shown.length);
  clamp();
  schedule();
}

let due = false;
function schedule() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    draw();
  });
}

function clamp() {
  const width = sheet.parentElement.getBoundingClientRect().width;
  const [from, to] = extent();
  const room = width / view.scale;
  view.from = Math.max(from - room * 0.4, Math.min(view.from, to - room * 0.6));
}

function zoom(factor, x) {
  const width = sheet.parentElement.getBoundingClientRect().width;
  const [from, to] = extent();
  const anchor = view.from + x / view.scale;
  const least = (width / (to - from)) * 0.9;
  view.scale = Math.min(view.order ? 160 : 40, Math.max(least, view.scale * factor));
  view.from = anchor - x / view.scale;
  clamp();
  schedule();
}

function bringIntoSight(at) {
  const width = sheet.parentElement.getBoundingClientRect().width;
  const x = across(at);
  if (x < 40 || x > width - 60) view.from = place(at) - (width * 0.6) / view.scale;
  clamp();
}

function select(at, follow = false) {
  selected = at;
  if (at !== null) {
    if (filters.cone && !cone.has(at)) filters.cone = false;
    if (rank[at] < 0) reveal(at);
    if (follow) bringIntoSight(at);
  }
  showEvent();
  markStory();
  schedule();
}

// An event that filters hide is shown anyway when somebody follows a cause to it.
function reveal(at) {
  filters.families.add(family[at]);
  filters.hosts.add(run.lane[at]);
  if (!passes(at)) Object.assign(filters, { zxid: "", session: "", path: "", text: "" });
  syncControls();
  refilter(at);
}

// Controls.
function toggles(holder, names, set, title) {
  holder.replaceChildren(...names.map(([name, key]) => {
    const button = document.createElement("button");
    button.textContent = name;
    button.dataset.key = String(key);
    button.title = `${title} ${name} (double click: only these)`;
    button.addEventListener("click", () => {
      if (set.has(key)) set.delete(key);
      else set.add(key);
      syncControls();
      refilter();
    });
    button.addEventListener("dblclick", () => {
      names.forEach(([, other]) => set.delete(other));
      set.add(key);
      syncControls();
      refilter();
    });
    return button;
  }));
}

function syncControls() {
  for (const [holder, set] of [["kinds", filters.families], ["hosts", filters.hosts]]) {
    for (const button of $(holder).children) button.setAttribute("aria-pressed", String(set.has(Number(button.dataset.key))));
  }
  for (const name of ["zxid", "session", "path", "text"]) if ($(`f-${name}`).value !== filters[name]) $(`f-${name}`).value = filters[name];
  $("cone").setAttribute("aria-pressed", String(filters.cone));
  $("axis").setAttribute("aria-pressed", String(!view.order));
}

function toggleCone() {
  if (!filters.cone) {
    cone = selected === null ? violation : coneOf(selected);
    filters.cone = cone.size > 0;
  } else {
    filters.cone = false;
    cone = violation;
  }
  showStory();
  syncControls();
  refilter(selected);
}

function toggleAxis() {
  const width = sheet.parentElement.getBoundingClientRect().width;
  const middle = selected !== null ? selected : shown[Math.min(shown.length - 1, Math.max(0, firstShown(0)))];
  view.order = !view.order;
  view.scale = view.order ? 26 : width / 200000;
  if (middle !== undefined) view.from = place(middle) - (width * 0.7) / view.scale;
  syncControls();
  clamp();
  schedule();
}

function fitAll() {
  const width = sheet.parentElement.getBoundingClientRect().width;
  const [from, to] = extent();
  view.scale = (width * 0.96) / (to - from);
  view.from = from - (to - from) * 0.02;
  schedule();
}

function reset() {
  Object.assign(filters, { zxid: "", session: "", path: "", text: "", cone: false });
  FAMILIES.forEach(([, , on], at) => (on ? filters.families.add(at) : filters.families.delete(at)));
  run.lanes.forEach((_, lane) => filters.hosts.add(lane));
  cone = violation;
  showStory();
  syncControls();
  refilter();
}

// Pointer and keys.
function nearest(x, y) {
  let best = null;
  let least = 16 * 16;
  const [low, high] = inSight(sheet.parentElement.getBoundingClientRect().width);
  for (let at = low; at < high; at += 1) {
    const event = shown[at];
    const where = down(event);
    if (where === undefined) continue;
    const gap = (across(event) - x) ** 2 + (where - y) ** 2;
    if (gap < least) [best, least] = [event, gap];
  }
  return best;
}

let grip = null;
sheet.addEventListener("pointerdown", (event) => {
  grip = { x: event.clientX, from: view.from, moved: false };
  sheet.setPointerCapture(event.pointerId);
});
sheet.addEventListener("pointermove", (event) => {
  if (grip) {
    if (Math.abs(event.clientX - grip.x) > 3) grip.moved = true;
    if (grip.moved) {
      sheet.classList.add("drag");
      view.from = grip.from - (event.clientX - grip.x) / view.scale;
      clamp();
      schedule();
    }
    return;
  }
  const at = nearest(event.offsetX, event.offsetY);
  if (at !== hovered) {
    hovered = at;
    schedule();
  }
  showTip(at, event.offsetX, event.offsetY);
});
sheet.addEventListener("pointerup", (event) => {
  sheet.classList.remove("drag");
  if (grip && !grip.moved) {
    const at = nearest(event.offsetX, event.offsetY);
    if (at !== null) {
      select(at);
      openTab("event");
    }
  }
  grip = null;
});
sheet.addEventListener("pointerleave", () => showTip(null));
sheet.addEventListener("wheel", (event) => {
  event.preventDefault();
  if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
    view.from += (event.deltaX || event.deltaY) / view.scale;
    clamp();
    schedule();
  } else zoom(Math.exp(-event.deltaY / 300), event.offsetX);
}, { passive: false });

function mapTo(event) {
  const box = map.getBoundingClientRect();
  const [from, to] = extent();
  const width = sheet.parentElement.getBoundingClientRect().width;
  view.from = from + ((event.clientX - box.left) / box.width) * (to - from) - width / 2 / view.scale;
  clamp();
  schedule();
}
map.addEventListener("pointerdown", (event) => {
  map.setPointerCapture(event.pointerId);
  mapTo(event);
});
map.addEventListener("pointermove", (event) => event.buttons && mapTo(event));

function showTip(at, x, y) {
  const tip = $("tip");
  tip.hidden = at === null || at === undefined;
  if (tip.hidden) return;
  const peer = run.peer[at] >= 0 ? ` ${kindOf(at) === "sent" ? "to" : "from"} ${laneName(run.peer[at])}` : "";
  const head = document.createElement("b");
  head.textContent = `${laneName(run.lane[at])} · ${kindOf(at)}`;
  tip.replaceChildren(head, document.createElement("br"), `${words(at)}${peer}`, document.createElement("br"), `${clock(time[at])} s, event ${idOf(at)}`);
  const box = sheet.parentElement.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, box.width - tip.offsetWidth - 8))}px`;
  tip.style.top = `${y + 18 + tip.offsetHeight > box.height ? y - tip.offsetHeight - 12 : y + 18}px`;
}

function move(by) {
  if (!shown.length) return;
  const here = selected === null ? shown.length : firstShown(selected);
  select(shown[Math.min(shown.length - 1, Math.max(0, here + by))], true);
}
function moveOnLane(by) {
  if (selected === null) return;
  for (let at = firstShown(selected) + by; at >= 0 && at < shown.length; at += by) {
    if (run.lane[shown[at]] === run.lane[selected]) return select(shown[at], true);
  }
}
const KEYS = {
  ArrowLeft: () => move(-1), ArrowRight: () => move(1), ArrowUp: () => moveOnLane(-1), ArrowDown: () => moveOnLane(1),
  "+": () => zoomMiddle(1.4), "=": () => zoomMiddle(1.4), "-": () => zoomMiddle(1 / 1.4), 0: fitAll,
  c: toggleCone, t: toggleAxis, v: () => broken >= 0 && select(broken, true), p: () => selected !== null && causes[selected].length && select(causes[selected][0], true),
  n: () => selected !== null && effects[selected].length && select(effects[selected][0], true),
  "/": () => $("f-zxid").focus(), Escape: reset, Home: () => select(shown[0] ?? null, true), End: () => select(shown[shown.length - 1] ?? null, true),
};
function zoomMiddle(factor) {
  const width = sheet.parentElement.getBoundingClientRect().width;
  zoom(factor, selected !== null ? Math.min(width, Math.max(0, across(selected))) : width / 2);
}
window.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target instanceof HTMLInputElement) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

for (const name of ["zxid", "session", "path", "text"]) {
  $(`f-${name}`).addEventListener("input", (event) => {
    filters[name] = event.target.value.trim();
    refilter();
    if (selected === null || rank[selected] < 0) fitFew();
  });
}
// What few events are left comes into sight.
function fitFew() {
  const width = sheet.parentElement.getBoundingClientRect().width;
  if (view.order && shown.length * 26 < width * 1.5) view.scale = Math.min(90, (width * 0.92) / Math.max(1, shown.length));
  view.from = view.order ? -0.5 : view.from;
  clamp();
  schedule();
}

function begin() {
  const head = run.header;
  $("verdict").textContent = head.verdict;
  $("verdict").classList.toggle("pass", head.verdict === "pass");
  $("run").textContent = `seed ${head.seed} · profile ${head.profile}${head.commit ? ` · commit ${head.commit}` : ""} · ${clock(time[N - 1] || 0)} s simulated`;
  $("rule").textContent = head.rule || "Nothing was broken";
  $("seen").textContent = head.seen;
  $("command").textContent = head.command;
  $("drawn").textContent = head.drawn;
  $("copy").addEventListener("click", () => navigator.clipboard?.writeText(head.command));
  toggles($("kinds"), FAMILIES.map(([name], at) => [name, at]), filters.families, "Show");
  toggles($("hosts"), run.lanes.map(({ name }, lane) => [name === "world" ? "faults" : name, lane]), filters.hosts, "Show");
  $("cone").addEventListener("click", toggleCone);
  $("axis").addEventListener("click", toggleAxis);
  $("reset").addEventListener("click", reset);
  $("theme").addEventListener("click", () => {
    document.documentElement.classList.toggle("dark");
    readColours();
    showGuide();
    schedule();
  });
  document.querySelectorAll("[data-tab]").forEach((tab) => tab.addEventListener("click", () => openTab(tab.dataset.tab)));
  const wish = new URLSearchParams(location.hash.slice(1));
  const dark = wish.get("theme") ? wish.get("theme") === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.classList.toggle("dark", dark);
  readColours();
  syncControls();
  showStory();
  showGuide();
  const first = wish.get("event") ? Number(wish.get("event")) - run.first : broken;
  refilter(null);
  if (first >= 0 && first < N) {
    select(first, true);
    const width = sheet.parentElement.getBoundingClientRect().width;
    view.from = place(first) - (width * 0.86) / view.scale;
    clamp();
    openTab(first === broken ? "story" : "event");
  } else {
    fitAll();
    openTab("guide");
  }
  draw();
  new ResizeObserver(() => draw()).observe(sheet.parentElement);
  document.body.dataset.ready = "yes";
}
window.page = { errors, filters, select, refilter, syncControls, toggleCone, shown: () => shown, broken, violation, N };
begin();
