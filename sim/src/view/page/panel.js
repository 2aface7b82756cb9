"use strict";
// The panel beside the sheet: one event, the chain of causes, and how to read all this.
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "class") made.className = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function openTab(name) {
  for (const tab of document.querySelectorAll("[data-tab]")) {
    const isOpen = tab.dataset.tab === name;
    tab.setAttribute("aria-selected", String(isOpen));
    document.getElementById(tab.dataset.tab).hidden = !isOpen;
  }
  markStory();
}

function stepRow(at) {
  const peer = run.peer[at] >= 0 && isTraffic(at) ? ` ${kindOf(at) === "sent" ? "→" : "←"} ${laneName(run.peer[at])}` : "";
  const row = element("button", { class: at === broken ? "step broken" : "step", "data-at": String(at), title: `event ${idOf(at)}` },
    element("span", { class: "when" }, clock(time[at])),
    element("span", { class: "who" }, laneName(run.lane[at])),
    element("span", { class: "what" }, `${spoken(at)}${peer ? `${peer}:` : ""} ${words(at)}`.trim()));
  row.addEventListener("click", () => select(at, true));
  return row;
}

// Words that say their kind already do not say it twice.
function spoken(at) {
  const kind = kindOf(at);
  const plain = ["logged", "committed", "applied", "became", "crashed", "started", "paused", "resumed", "cut", "mended", "note", "lost", "durable", "session"];
  return plain.includes(kind) ? "" : kind === "invoked" ? "asks:" : kind === "settled" ? "is told:" : isTraffic(at) ? kind : `${kind}:`;
}

const LISTED = 400;
function showStory() {
  const holder = document.getElementById("story");
  const list = [...cone].filter((at) => !isBeat(at) && run.kind[at] !== KIND.disk).sort((a, b) => a - b);
  const what = cone === violation ? "the violation" : "this event";
  if (!list.length) {
    holder.replaceChildren(element("p", { class: "quiet" }, "Nothing was broken. Select an event and press c to see what it came from."));
    return;
  }
  const left = list.length - LISTED;
  holder.replaceChildren(
    element("h2", {}, `What led to ${what}`),
    element("p", { class: "quiet" }, `${list.length} events, oldest first; heartbeats and single disk operations are left out.`),
    ...(left > 0 ? [element("p", { class: "quiet" }, `${left} older ones are not listed.`)] : []),
    ...list.slice(-LISTED).map(stepRow));
  holder.scrollTop = holder.scrollHeight;
}

function markStory() {
  const holder = document.getElementById("story");
  for (const row of holder.querySelectorAll(".step")) {
    const isIt = Number(row.dataset.at) === selected;
    row.setAttribute("aria-current", String(isIt));
    if (isIt && !holder.hidden) row.scrollIntoView({ block: "nearest" });
  }
}

function listOf(title, list, none) {
  const rows = list.length ? list.slice(0, 40).map(stepRow) : [element("p", { class: "quiet" }, none)];
  if (list.length > 40) rows.push(element("p", { class: "quiet" }, `and ${list.length - 40} more`));
  return [element("h3", {}, title), ...rows];
}

function stateTable(lane, at) {
  const was = stateAt(lane, stepBegin(at) - 1);
  const is = stateAt(lane, stepEnd(at));
  if (!is.size) return [];
  const rows = [...is].map(([name, now]) => {
    const old = was.get(name);
    const changed = old !== now;
    const value = element("td", {});
    if (changed && old !== undefined && old !== "") value.append(element("del", {}, old), " ");
    value.append(now);
    return element("tr", changed ? { class: "changed" } : {}, element("td", {}, name), value);
  });
  const count = rows.filter((row) => row.className).length;
  const note = count ? `${count} changed in this step` : "nothing changed in this step";
  return [element("h3", {}, `State of ${laneName(lane)}: ${note}`), element("table", {}, ...rows)];
}

function showEvent() {
  const holder = document.getElementById("event");
  if (selected === null) {
    holder.replaceChildren(element("p", { class: "quiet" }, "Click an event. Arrow keys step through what is shown."));
    return;
  }
  const at = selected;
  const facts = [];
  const fact = (name, value) => value && facts.push(element("tr", {}, element("td", {}, name), element("td", { class: "mono" }, value)));
  fact(kindOf(at) === "sent" ? "to" : "from", run.peer[at] >= 0 ? laneName(run.peer[at]) : "");
  fact("zxid", text(run.zxids[at]));
  fact("session", text(run.session[at]));
  fact("path", text(run.path[at]));
  holder.replaceChildren(
    element("p", { class: "meta" }, `event ${idOf(at)} · ${clock(time[at])} s · step ${step[at]}`),
    element("h2", {}, `${laneName(run.lane[at])} ${spoken(at)} ${words(at)}`),
    element("table", {}, ...facts),
    ...stateTable(run.lane[at], at),
    ...listOf("Caused by", causes[at].filter((cause) => cause >= 0), "its own clock, or what is not recorded"),
    ...listOf("Led to", effects[at], "nothing that was recorded"));
}

function keyRow(kind, colour, meaning) {
  const canvas = element("canvas", { width: "80", height: "36" });
  const context = canvas.getContext("2d");
  context.scale(2, 2);
  if (kind === "arrow") {
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(2, 9);
    context.lineTo(36, 9);
    context.stroke();
    context.beginPath();
    context.moveTo(38, 9);
    context.lineTo(31, 6);
    context.lineTo(31, 12);
    context.fill();
  } else if (kind === "band") {
    context.fillStyle = colour;
    context.fillRect(2, 2, 36, 14);
  } else if (kind === "line") {
    context.strokeStyle = colour;
    context.lineWidth = meaning.startsWith("leads") ? 4 : 2;
    context.setLineDash(meaning.startsWith("looks") ? [3, 4] : []);
    context.beginPath();
    context.moveTo(2, 9);
    context.lineTo(38, 9);
    context.stroke();
  } else glyph(context, kind, 20, 9, colour);
  return [canvas, element("span", {}, meaning)];
}

function showGuide() {
  const c = colours;
  const rows = [
    ["line", c.leading, "leads"], ["line", c.lane, "follows"], ["line", c.looking, "looks for a leader, or joins one"],
    ["band", c.down, "is down"], ["band", c.pause, "stands still"], ["band", c.cut, "is cut off from others"],
    ["arrow", c.propose, "proposal"], ["arrow", c.ack, "acknowledgement"], ["arrow", c.commit, "commit"], ["arrow", c.vote, "vote"],
    ["arrow", c.sync, "discovery and synchronisation"], ["arrow", c.client, "between client and server"],
    ["logged", c.propose, "log in memory grew, or was cut"], ["durable", c.ack, "on disk for certain"], ["committed", c.commit, "knows that it is committed"],
    ["applied", c.commit, "applied"], ["became", c.vote, "is something else now"], ["crashed", c.bad, "dies"], ["started", c.good, "starts"],
    ["fault", c.bad, "something was broken on purpose"], ["invoked", c.soft, "a client asks"], ["settled", c.soft, "and is told"],
    ["watch", c.soft, "a watch fired"], ["broken", c.bad, "the rule was broken"],
  ];
  const keys = [
    ["← →", "event before, event after"], ["↑ ↓", "before and after on the same lane"], ["p n", "to its cause, to its effect"],
    ["v", "to the violation"], ["c", "only what the selected event came from"], ["t", "even steps or true time"],
    ["+ − 0", "nearer, farther, everything"], ["/", "filter by zxid"], ["Esc", "drop all filters"],
  ];
  document.getElementById("guide").replaceChildren(
    element("h2", {}, "How to read this"),
    element("p", {}, "Time runs from left to right, one lane per server and client. What the violation came from is drawn in full, all else is pale. Steps are even unless true time is asked for."),
    element("h3", {}, "Signs"), element("div", { class: "key" }, ...rows.flatMap(([kind, colour, meaning]) => keyRow(kind, colour, meaning))),
    element("h3", {}, "Keys"), element("div", { class: "keys" }, ...keys.flatMap(([key, meaning]) => [element("span", {}, ...key.split(" ").flatMap((one) => [element("kbd", {}, one), " "])), element("span", {}, meaning)])),
    ...(run.header.story.length ? [element("h3", {}, "The story"), ...run.header.story.map((told) => element("p", { class: "mono" }, told))] : []));
}
