"use strict";
// The run as it was recorded: events in columns, strings in one table, states as differences.
const run = JSON.parse(document.getElementById("data").textContent);
const N = run.lane.length;
const text = (index) => (index < 0 ? "" : run.strings[index]);
const KIND = Object.fromEntries(run.kinds.map((name, number) => [name, number]));

// Columns are written as differences from the row above.
function sums(steps) {
  let sum = 0;
  return Float64Array.from(steps, (step) => (sum += step));
}
const time = sums(run.time);
const step = sums(run.step);
const causes = run.causes.map((back, at) => back.map((distance) => at - distance));
const effects = Array.from({ length: N }, () => []);
causes.forEach((list, at) => list.forEach((cause) => cause >= 0 && effects[cause].push(at)));

const words = (at) => text(run.words[at]);
const kindOf = (at) => run.kinds[run.kind[at]];
const laneName = (lane) => run.lanes[lane].name;
const idOf = (at) => at + run.first;
const isTraffic = (at) => run.kind[at] === KIND.sent || run.kind[at] === KIND.received || run.kind[at] === KIND.dropped;
const isBeat = (at) => isTraffic(at) && /^p[io]ng\b/.test(words(at));

function clock(micros) {
  return (micros / 1e6).toFixed(6);
}

// Families of events: what a reader switches on and off together.
const FAMILIES = [
  ["messages", (at) => isTraffic(at) && !isBeat(at), true],
  ["heartbeats", isBeat, false],
  ["disks", (at) => run.kind[at] === KIND.disk, false],
  ["log", (at) => [KIND.logged, KIND.durable, KIND.committed, KIND.applied].includes(run.kind[at]), true],
  ["roles", (at) => [KIND.became, KIND.note, KIND.lost].includes(run.kind[at]), true],
  ["faults", (at) => [KIND.fault, KIND.crashed, KIND.started, KIND.paused, KIND.resumed, KIND.cut, KIND.mended].includes(run.kind[at]), true],
  ["clients", (at) => [KIND.invoked, KIND.settled, KIND.watch, KIND.session].includes(run.kind[at]), true],
];
const family = Uint8Array.from({ length: N }, (_, at) => {
  const found = FAMILIES.findIndex(([, holds]) => holds(at));
  return found < 0 ? FAMILIES.length : found;
});

// What a message is about, which is also its colour.
const TONES = [
  [/^(proposal)/, "propose"],
  [/^(ack )/, "ack"],
  [/^(commit |uptodate)/, "commit"],
  [/^(vote|no vote)/, "vote"],
  [/^(leaderinfo|followerinfo|ackepoch|diff|trunc|snap|newleader|readmitted|hello)/, "sync"],
  [/^(ping|pong)/, "beat"],
];
const toneOfWords = run.strings.map((string) => (TONES.find(([pattern]) => pattern.test(string)) || [0, "client"])[1]);
const toneOf = (at) => toneOfWords[run.words[at]];

// States: by lane, the events that changed it and how.
const changes = run.lanes.map(() => []);
run.states.forEach(([at, rows]) => changes[run.lane[at]].push([at, rows]));

// The state of a lane after all events up to `at`, as a map from row to value.
function stateAt(lane, at) {
  const state = new Map();
  for (const [when, rows] of changes[lane]) {
    if (when > at) break;
    rows.forEach(([row, value]) => state.set(run.rows[row], text(value)));
  }
  return state;
}

// The last event of the step that an event belongs to: states are told once a step.
function stepEnd(at) {
  let end = at;
  while (end + 1 < N && step[end + 1] === step[at]) end += 1;
  return end;
}

function stepBegin(at) {
  let begin = at;
  while (begin > 0 && step[begin - 1] === step[at]) begin -= 1;
  return begin;
}

function coneOf(at) {
  const cone = new Set();
  const waiting = at === null || at < 0 ? [] : [at];
  while (waiting.length) {
    const next = waiting.pop();
    if (cone.has(next) || next < 0) continue;
    cone.add(next);
    waiting.push(...causes[next]);
  }
  return cone;
}
const broken = run.broken === null ? -1 : run.broken - run.first;
const violation = coneOf(broken);

// A zxid as a pair that can be compared, from `epoch.counter` or a number.
function zxidPair(string) {
  const dotted = /^(\d+)\.(\d+)$/.exec(string.trim());
  if (dotted) return [Number(dotted[1]), Number(dotted[2])];
  const whole = /^0x[0-9a-f]+$/i.test(string.trim()) ? BigInt(string.trim()) : null;
  return whole === null ? null : [Number(whole >> 32n), Number(whole & 0xffffffffn)];
}
const before = (one, other) => one[0] < other[0] || (one[0] === other[0] && one[1] <= other[1]);
const spans = run.strings.map(() => undefined);
function concerns(at, zxid) {
  const index = run.zxids[at];
  if (index < 0) return false;
  if (spans[index] === undefined) {
    const ends = text(index).split("..");
    spans[index] = [zxidPair(ends[0]), zxidPair(ends[ends.length - 1])];
  }
  const [first, last] = spans[index];
  return before(first, zxid) && before(zxid, last);
}
