"use strict";
// The sheet: lanes from left to right, drawn only where one looks.
const sheet = document.getElementById("sheet");
const map = document.getElementById("map");
const pen = sheet.getContext("2d");
const mapPen = map.getContext("2d");
const view = { from: 0, scale: 26, order: true };
let shown = [];
let rank = new Int32Array(N).fill(-1);
let cone = violation;
let selected = null;
let hovered = null;
let lanesShown = [];
let laneAt = new Map();
let colours = {};
const FAR = 3600;

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["bg", "card", "ink", "soft", "faint", "line", "lane", "accent", "bad", "good", "propose", "ack", "commit",
    "vote", "sync", "client", "beat", "leading", "looking", "down", "down-edge", "pause", "pause-edge", "cut", "cut-edge", "mono"];
  colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

function fit(canvas, context) {
  const box = canvas.parentElement.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(box.width * ratio));
  canvas.height = Math.max(1, Math.round(box.height * ratio));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return box;
}

// Where an event stands along the sheet, in units of the axis; events that are not shown stand
// where they would.
function place(at) {
  if (!view.order) return time[at];
  return rank[at] >= 0 ? rank[at] : firstShown(at);
}
function firstShown(at) {
  let low = 0;
  let high = shown.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shown[middle] < at) low = middle + 1;
    else high = middle;
  }
  return low;
}
const across = (at) => (place(at) - view.from) * view.scale;
const down = (at) => laneAt.get(run.lane[at]);
const extent = () => (view.order ? [0, Math.max(1, shown.length)] : [time[0] || 0, (time[N - 1] || 1) + 1]);

function layLanes(height) {
  lanesShown = run.lanes.map((_, lane) => lane).filter((lane) => filters.hosts.has(lane));
  const world = lanesShown.filter((lane) => run.lanes[lane].kind === "world");
  const rest = lanesShown.filter((lane) => run.lanes[lane].kind !== "world");
  const weight = (lane) => ({ server: 1.5, client: 0.8, world: 0.7 })[run.lanes[lane].kind];
  const all = [...world, ...rest];
  const total = all.reduce((sum, lane) => sum + weight(lane), 0);
  const unit = Math.min(70, (height - 34) / Math.max(1, total));
  let top = 26;
  laneAt = new Map();
  for (const lane of all) {
    laneAt.set(lane, top + (unit * weight(lane)) / 2);
    top += unit * weight(lane);
  }
  labelLanes(all);
}

function labelLanes(all) {
  const holder = document.getElementById("lanes");
  const at = selected === null ? N - 1 : stepEnd(selected);
  holder.replaceChildren(...all.map((lane) => {
    const label = document.createElement("div");
    label.className = `lane ${run.lanes[lane].kind}`;
    label.style.top = `${laneAt.get(lane)}px`;
    label.textContent = run.lanes[lane].kind === "world" ? "faults" : laneName(lane);
    if (run.lanes[lane].kind === "server") {
      const state = stateAt(lane, at);
      const note = document.createElement("small");
      note.textContent = state.get("status") === "up" ? (state.get("role") || "").split(" ")[0] : state.get("status") || "";
      label.append(note);
    }
    return label;
  }));
}

// Roles: stretches of each server's life that are drawn as its line.
const roles = run.lanes.map((_, lane) => {
  const spansHere = [];
  let role = "down";
  let since = 0;
  for (const [at, rows] of changes[lane]) {
    for (const [row, value] of rows) {
      if (run.rows[row] !== "role" && run.rows[row] !== "status") continue;
      const now = run.rows[row] === "role" ? text(value).split(" ")[0] || "down" : text(value) === "down" ? "down" : null;
      if (now === null || now === role) continue;
      spansHere.push([since, at, role]);
      role = now;
      since = at;
    }
  }
  spansHere.push([since, N, role]);
  return spansHere;
});

function drawRoles(width) {
  for (const [lane, y] of laneAt) {
    if (run.lanes[lane].kind !== "server") {
      line(0, y, width, y, colours.line, 1);
      continue;
    }
    for (const [from, to, role] of roles[lane]) {
      const left = Math.max(0, from >= N ? width : across(from));
      const right = Math.min(width, to >= N ? width : across(to));
      if (right < 0 || left > width || right <= left) continue;
      const look = { leading: [colours.leading, 4], looking: [colours.looking, 1.5], following: [colours.lane, 2.5] }[role] || [colours.lane, 1];
      pen.setLineDash(role === "looking" || role === "preparing" || role === "joining" ? [3, 4] : role === "down" ? [1, 5] : []);
      line(left, y, right, y, look[0], look[1]);
      pen.setLineDash([]);
    }
  }
}

const BANDS = { crashed: "down", paused: "pause", cut: "cut" };
function drawBands(width) {
  for (const [lane, from, to, kind] of run.bands) {
    const y = laneAt.get(lane);
    if (y === undefined) continue;
    const start = Math.max(0, from - run.first);
    const left = Math.max(0, from < run.first ? 0 : across(start));
    const right = Math.min(width, to === null || to - run.first >= N ? width : across(to - run.first));
    if (right <= 0 || left >= width || right <= left) continue;
    const name = BANDS[run.kinds[kind]];
    pen.fillStyle = colours[name];
    const tall = name === "cut" ? 30 : 20;
    pen.fillRect(left, y - tall / 2, Math.max(1, right - left), tall);
    hatch(left, y - tall / 2, right - left, tall, colours[`${name}-edge`], name);
    if (right - left > 60) {
      pen.fillStyle = colours[`${name}-edge`];
      pen.font = "10px system-ui, sans-serif";
      const label = { down: "down", pause: "paused", cut: words(start).replace("is cut off", "cut off") }[name];
      pen.fillText(clip(label, right - left - 12), left + 6, y - tall / 2 - 3);
    }
  }
}

function hatch(x, y, wide, tall, colour, name) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, wide, tall);
  pen.clip();
  pen.globalAlpha = 0.28;
  pen.strokeStyle = colour;
  pen.lineWidth = 1;
  const gap = name === "down" ? 7 : 11;
  pen.beginPath();
  for (let at = x - tall - (x % gap); at < x + wide; at += gap) {
    pen.moveTo(at, y + tall);
    pen.lineTo(at + tall, y);
  }
  pen.stroke();
  pen.restore();
}

function clip(string, width) {
  const letters = Math.floor(width / 5.4);
  return string.length <= letters ? string : letters < 2 ? "" : `${string.slice(0, letters - 1)}…`;
}

function line(x1, y1, x2, y2, colour, width) {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}

// Which of the shown events are in sight, with some more on both sides for arrows.
function inSight(width) {
  const unit = (x) => view.from + x / view.scale;
  const margin = width;
  let low = 0;
  let high = shown.length;
  const find = (goal) => {
    let a = 0;
    let b = shown.length;
    while (a < b) {
      const middle = (a + b) >> 1;
      if (place(shown[middle]) < goal) a = middle + 1;
      else b = middle;
    }
    return a;
  };
  low = find(unit(-margin));
  high = find(unit(width + margin));
  return [low, high];
}

function strength(at) {
  if (cone.size === 0) return 1;
  return cone.has(at) ? 1 : 0.3;
}

function drawArrow(at, spacing) {
  const sent = causes[at][0];
  const from = sent === undefined ? undefined : down(sent);
  const to = down(at);
  if (from === undefined || to === undefined || rank[sent] < 0) return;
  const [x1, x2] = [across(sent), across(at)];
  const lost = run.kind[at] === KIND.dropped;
  const hot = cone.has(at) && cone.has(sent);
  const tone = colours[toneOf(at)];
  pen.globalAlpha = strength(at) * (hot ? 1 : 0.85);
  pen.setLineDash(lost ? [4, 4] : []);
  const [ex, ey] = lost ? [(x1 + x2) / 2, (from + to) / 2] : [x2, to + Math.sign(from - to) * 4];
  line(x1, from, ex, ey, tone, hot ? 2 : 1);
  pen.setLineDash([]);
  const turn = Math.atan2(to - from, x2 - x1);
  pen.fillStyle = tone;
  pen.strokeStyle = tone;
  if (lost) {
    cross(ex, ey, 4, colours.bad);
  } else {
    pen.beginPath();
    pen.moveTo(ex, ey);
    pen.lineTo(ex - 7 * Math.cos(turn - 0.38), ey - 7 * Math.sin(turn - 0.38));
    pen.lineTo(ex - 7 * Math.cos(turn + 0.38), ey - 7 * Math.sin(turn + 0.38));
    pen.fill();
  }
  if (spacing && (hot || cone.size === 0) && Math.hypot(x2 - x1, to - from) > 54) label(words(at), (x1 + x2) / 2, (from + to) / 2, turn, tone);
  pen.globalAlpha = 1;
}

// Labels keep off each other: what has no room is told by hovering.
let taken = [];
function label(string, x, y, turn, tone) {
  const short = clip(string.replace(/ \(epoch.*/, "").replace(/, (looking|settled|committed).*/, ""), 150);
  pen.font = "10.5px system-ui, sans-serif";
  const wide = pen.measureText(short).width + 6;
  const box = [x - wide / 2, y - 8, x + wide / 2, y + 8];
  if (taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1])) return;
  taken.push(box);
  pen.fillStyle = colours.bg;
  pen.globalAlpha = 0.92;
  pen.fillRect(x - wide / 2, y - 7.5, wide, 14);
  pen.globalAlpha = 1;
  pen.fillStyle = tone;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(short, x, y);
  pen.textAlign = "left";
  pen.textBaseline = "alphabetic";
}

function cross(x, y, size, colour) {
  line(x - size, y - size, x + size, y + size, colour, 2);
  line(x - size, y + size, x + size, y - size, colour, 2);
}

function glyph(context, kind, x, y, colour) {
  context.fillStyle = colour;
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  const poly = (...points) => {
    points.forEach(([px, py], at) => (at ? context.lineTo(x + px, y + py) : context.moveTo(x + px, y + py)));
    context.closePath();
  };
  switch (kind) {
    case "durable": context.rect(x - 4, y - 4, 8, 8); context.fill(); break;
    case "logged": context.rect(x - 3.5, y - 3.5, 7, 7); context.stroke(); break;
    case "disk": context.rect(x - 1.5, y - 1.5, 3, 3); context.fill(); break;
    case "committed": poly([0, -6], [6, 0], [0, 6], [-6, 0]); context.fill(); break;
    case "applied": poly([0, -4.5], [4.5, 0], [0, 4.5], [-4.5, 0]); context.stroke(); break;
    case "became": poly([-4, -9], [7, -5], [-4, -1]); context.fill(); context.fillRect(x - 5, y - 9, 1.5, 12); break;
    case "crashed": context.moveTo(x - 5, y - 5); context.lineTo(x + 5, y + 5); context.moveTo(x - 5, y + 5); context.lineTo(x + 5, y - 5); context.lineWidth = 2.5; context.stroke(); break;
    case "started": poly([-4, -6], [7, 0], [-4, 6]); context.fill(); break;
    case "fault": poly([1, -7], [-4, 1], [0, 1], [-1, 7], [4, -1], [0, -1]); context.fill(); break;
    case "invoked": context.arc(x, y, 4, 0, 7); context.stroke(); break;
    case "settled": context.arc(x, y, 4.5, 0, 7); context.fill(); break;
    case "watch": context.arc(x, y, 5, 0, 7); context.stroke(); context.beginPath(); context.arc(x, y, 2, 0, 7); context.fill(); break;
    case "broken": context.arc(x, y, 9, 0, 7); context.lineWidth = 3; context.stroke(); context.fillRect(x - 1.25, y - 5, 2.5, 6); context.fillRect(x - 1.25, y + 2.5, 2.5, 2.5); break;
    case "paused": context.fillRect(x - 4, y - 5, 3, 10); context.fillRect(x + 1, y - 5, 3, 10); break;
    case "resumed": poly([-3, -5], [5, 0], [-3, 5]); context.stroke(); break;
    case "cut": case "mended": context.moveTo(x, y - 8); context.lineTo(x, y + 8); context.stroke(); break;
    default: context.arc(x, y, 2.4, 0, 7); context.fill();
  }
}

function glyphColour(at) {
  const kind = kindOf(at);
  if (isTraffic(at)) return colours[toneOf(at)];
  return {
    durable: colours.ack, logged: colours.propose, committed: colours.commit, applied: colours.commit, became: colours.vote,
    crashed: colours.bad, started: colours.good, fault: colours.bad, broken: colours.bad, cut: colours["cut-edge"],
    mended: colours["cut-edge"], paused: colours["pause-edge"], resumed: colours["pause-edge"], disk: colours.faint,
  }[kind] || colours.soft;
}

const NAMED = new Set(["became", "crashed", "started", "fault", "broken", "durable", "committed", "invoked", "settled", "watch", "logged"]);
function drawEvent(at, spacing) {
  const [x, y] = [across(at), down(at)];
  if (y === undefined) return;
  pen.globalAlpha = strength(at);
  glyph(pen, kindOf(at), x, y, glyphColour(at));
  pen.globalAlpha = 1;
  if (at === selected || at === hovered) {
    pen.strokeStyle = colours.accent;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(x, y, 11, 0, 7);
    pen.stroke();
  }
  const kind = kindOf(at);
  if (spacing && NAMED.has(kind) && (cone.size === 0 || cone.has(at) || kind === "became" || kind === "crashed")) {
    label(kind === "broken" ? "rule broken" : shortWords(at), x, y + (kind === "logged" || kind === "applied" ? 15 : -16), 0, glyphColour(at));
  }
}

function shortWords(at) {
  return words(at).replace(/^(logged|committed) up to/, "$1").replace("on disk for certain up to", "durable").replace(/^is /, "").replace(/ for a leader$/, "")
    .replace(/^promise of epoch (\d+).*/, "promise $1").replace(/^dies: .*/, "dies").replace(/^starts.*/, "starts");
}

function drawAxis(width) {
  pen.fillStyle = colours.faint;
  pen.font = `10px ${colours.mono}`;
  let last = -200;
  const mark = (x, micros) => {
    if (x - last < 104) return;
    last = x;
    line(x, 14, x, 18, colours.faint, 1);
    pen.fillStyle = colours.faint;
    pen.fillText(`${clock(micros)} s`, x + 3, 12);
  };
  if (view.order) {
    const [low, high] = inSight(width);
    for (let at = low; at < high; at += 1) {
      const x = across(shown[at]);
      if (x >= 0 && x <= width) mark(x, time[shown[at]]);
    }
  } else {
    const unit = 10 ** Math.ceil(Math.log10(120 / view.scale));
    for (let t = Math.ceil(view.from / unit) * unit; (t - view.from) * view.scale < width; t += unit) mark((t - view.from) * view.scale, t);
  }
}

function draw() {
  const box = fit(sheet, pen);
  layLanes(box.height);
  pen.fillStyle = colours.bg;
  pen.fillRect(0, 0, box.width, box.height);
  drawBands(box.width);
  drawRoles(box.width);
  drawAxis(box.width);
  const [low, high] = inSight(box.width);
  const crowded = high - low > FAR;
  const spacing = !crowded && box.width / Math.max(1, (high - low) / 3) > 9;
  taken = [];
  const step = crowded ? Math.ceil((high - low) / FAR) : 1;
  for (let at = low; at < high; at += 1) {
    const event = shown[at];
    const needed = cone.has(event) && cone.size > 0;
    if (at % step && !needed) continue;
    if (run.kind[event] === KIND.received || run.kind[event] === KIND.dropped) drawArrow(event, spacing);
  }
  for (let at = low; at < high; at += 1) {
    const event = shown[at];
    if (at % step && !cone.has(event)) continue;
    const x = across(event);
    if (x > -20 && x < box.width + 20) drawEvent(event, spacing);
  }
  drawMap();
}

function drawMap() {
  const box = fit(map, mapPen);
  const [from, to] = extent();
  const x = (unit) => ((unit - from) / (to - from)) * box.width;
  mapPen.fillStyle = colours.card;
  mapPen.fillRect(0, 0, box.width, box.height);
  const bins = new Uint32Array(Math.max(1, Math.ceil(box.width / 2)));
  const marks = new Uint8Array(bins.length);
  for (const at of shown) {
    const bin = Math.min(bins.length - 1, Math.floor(x(place(at)) / 2));
    bins[bin] += 1;
    if (cone.has(at)) marks[bin] = 1;
  }
  const most = Math.max(1, ...bins);
  bins.forEach((count, bin) => {
    const tall = count ? 2 + (Math.sqrt(count / most) * (box.height - 20)) : 0;
    mapPen.fillStyle = marks[bin] ? colours.bad : colours.lane;
    mapPen.globalAlpha = marks[bin] ? 0.9 : 0.7;
    mapPen.fillRect(bin * 2, box.height - 6 - tall, 1.5, tall);
  });
  mapPen.globalAlpha = 1;
  for (const [, since, until, kind] of run.bands) {
    const left = x(place(Math.max(0, since - run.first)));
    const right = until === null || until - run.first >= N ? box.width : x(place(until - run.first));
    mapPen.fillStyle = colours[`${BANDS[run.kinds[kind]]}-edge`];
    mapPen.globalAlpha = 0.5;
    mapPen.fillRect(left, box.height - 4, Math.max(1, right - left), 3);
    mapPen.globalAlpha = 1;
  }
  const width = sheet.parentElement.getBoundingClientRect().width / view.scale;
  const left = Math.max(1, x(view.from));
  const right = Math.min(box.width - 1, x(view.from + width));
  mapPen.fillStyle = colours.accent;
  mapPen.globalAlpha = 0.12;
  mapPen.fillRect(left, 2, Math.max(4, right - left), box.height - 4);
  mapPen.globalAlpha = 1;
  mapPen.strokeStyle = colours.accent;
  mapPen.strokeRect(left, 2, Math.max(4, right - left), box.height - 4);
}
