// Asks the API every two seconds while somebody looks. Every text is set as text, never as markup: peers wrote it.

const POLL_MS = 2_000;
const HOUR_MINUTES = 60;
const MINUTE_MS = 60_000;
const PAGE = 30;

const $ = (selector) => document.querySelector(selector);

function element(name, { text, className, title } = {}, ...children) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className !== undefined) made.className = className;
  if (title !== undefined) made.title = title;
  made.append(...children);
  return made;
}

async function ask(path) {
  const response = await fetch(path, { headers: { accept: "application/json" }, signal: AbortSignal.timeout(10_000) });
  const answer = await response.json();
  if (!response.ok) {
    throw Object.assign(new Error(answer.message ?? `${path}: ${response.status}`), { code: answer.code });
  }
  return answer;
}

const number = new Intl.NumberFormat();
const time = (atMs) => (atMs === undefined ? "" : new Date(atMs).toLocaleTimeString());
const dateTime = (atMs) => (atMs === undefined ? "" : new Date(atMs).toLocaleString());

function octets(size) {
  if (size === undefined) return "";
  if (size < 10_000) return `${number.format(size)} B`;
  return size < 10_000_000
    ? `${number.format(Math.round(size / 1000))} kB`
    : `${number.format(Math.round(size / 1e6))} MB`;
}

function showQueue({ counts }) {
  for (const place of document.querySelectorAll("[data-count]")) {
    place.textContent = number.format(counts[place.dataset.count]);
  }
}

function showSuspensions({ suspensions }) {
  $("#suspensions").hidden = suspensions.length === 0;
  const lines = suspensions.map(({ target, reason, untilMs }) => {
    const ends = untilMs === undefined ? "" : ` until ${dateTime(untilMs)}`;
    return element("li", { text: `delivery to ${target} is suspended${ends}${reason === "" ? "" : `: ${reason}`}` });
  });
  $("#suspensions").replaceChildren(...lines);
}

function showRates({ minutes }) {
  for (const place of document.querySelectorAll("[data-rate]")) {
    place.textContent = number.format(minutes.reduce((sum, minute) => sum + minute[place.dataset.rate], 0));
  }
  const now = Math.floor(Date.now() / MINUTE_MS);
  const received = new Map(minutes.map((minute) => [minute.minuteMs / MINUTE_MS, minute.received]));
  const bars = Array.from({ length: HOUR_MINUTES }, (_, i) => received.get(now - HOUR_MINUTES + 1 + i) ?? 0);
  const most = Math.max(1, ...bars);
  const rects = bars.map((count, i) => {
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const height = count === 0 ? 0 : Math.max(1, (count / most) * 88);
    const box = { x: i * 10 + 1, y: 90 - height, width: 8, height };
    for (const [name, value] of Object.entries(box)) rect.setAttribute(name, String(value));
    return rect;
  });
  $("#chart").replaceChildren(...rects);
  $("#chart-text").textContent =
    `messages received per minute: ${number.format(bars.at(-2))} in the last whole minute, ${number.format(Math.max(...bars))} at most`;
}

// A NATS server that nobody has named carries its id: 56 letters and digits.
const SERVER_ID = /\bN[A-Z2-7]{55}\b/g;

function showBus(text, isOk) {
  $("#bus").textContent = `bus: ${text.replace(SERVER_ID, "NATS")}`;
  $("#bus").title = text;
  $("#bus").classList.toggle("bad", !isOk);
}

function service(name, { text = "", className, title }) {
  return element(
    "li",
    { title },
    element("span", { text: name, className: `state ${className}` }),
    element("span", { text, className: className === "failed" ? "bad" : "faint" }),
  );
}

/** @param isMixed Not all that have a policy have the same: then it is worth reading. */
function instance(member, isMixed) {
  const policy = member.policyVersion === undefined ? "" : `, policy ${member.policyVersion}`;
  const title = `${member.instance}, version ${member.version}${policy}, since ${dateTime(member.startedAtMs)}`;
  if (member.isLate) {
    const text = `: late, last heard of at ${time(member.seenAtMs)}`;
    return service(member.service, { text, className: "failed", title });
  }
  if (member.state !== "ready") {
    return service(member.service, { text: `: ${member.state}`, className: "deferred", title });
  }
  if (isMixed && policy !== "") {
    return service(member.service, { text: `: policy ${member.policyVersion}`, className: "deferred", title });
  }
  return service(member.service, { className: "delivered", title });
}

function showFleet({ bus, members, missing }) {
  showBus(bus.text, bus.ok);
  const policies = new Set(members.flatMap(({ policyVersion }) => policyVersion ?? []));
  $("#fleet").replaceChildren(
    ...missing.map((name) =>
      service(name, { text: ": none", className: "failed", title: "No instance of it is announced: its work waits" }),
    ),
    ...members.map((member) => instance(member, policies.size > 1)),
  );
}

function showNoFleet(err) {
  // The fleet is asked of the bus alone, so this is the bus; anything else says nothing about it.
  if (err.code === "UNAVAILABLE") showBus("no connection", false);
  else showBus("not known", false);
  $("#bus").title = err.message;
  $("#fleet").replaceChildren(element("li", { text: "not known", className: "faint" }));
  throw err;
}

let pages = 1;
let next;

const UNKNOWN_SENDER = { refused: "(refused before it was named)" };

function row(message) {
  const link = element("a", {
    text:
      message.returnPath === ""
        ? "<> (bounce)"
        : (message.returnPath ?? UNKNOWN_SENDER[message.state] ?? "(not recorded yet)"),
  });
  link.href = `#${message.id}`;
  const more = message.recipientCount - 1;
  const to = `${message.recipients[0] ?? ""}${more > 0 ? ` and ${more} more` : ""}`;
  const made = element(
    "tr",
    {},
    element("td", { text: time(message.receivedAtMs), className: "time", title: dateTime(message.receivedAtMs) }),
    element("td", { text: message.state, className: `state ${message.state}` }),
    element("td", { className: "from" }, link),
    element("td", { text: to, className: "to" }),
    element("td", { text: octets(message.size), className: "number" }),
  );
  made.addEventListener("click", () => {
    location.hash = message.id;
  });
  return made;
}

let shown = "[]";

/** Leaves the rows alone while nothing changes, and the focus where it is: or no key or slow click could reach a row. */
function showMessages(found) {
  const asked = JSON.stringify(found);
  if (asked === shown) return;
  shown = asked;
  const focused = $("#messages tbody a:focus")?.getAttribute("href");
  const rows = found.map(row);
  $("#messages tbody").replaceChildren(...rows);
  if (focused === undefined) return;
  rows
    .map((made) => made.querySelector("a"))
    .find((link) => link.getAttribute("href") === focused)
    ?.focus({ preventScroll: true });
}

async function refreshMessages() {
  const filter = new URLSearchParams({ limit: String(PAGE) });
  for (const [name, value] of new FormData($("#filter"))) if (value !== "") filter.set(name, value);
  const found = [];
  next = undefined;
  for (let i = 0; i < pages; i++) {
    if (next !== undefined) filter.set("after", next);
    const page = await ask(`v1/messages?${filter}`);
    found.push(...page.messages);
    next = page.next;
    if (next === undefined) break;
  }
  showMessages(found);
  $("#empty").hidden = found.length > 0;
  $("#more").hidden = next === undefined;
}

const HIDDEN_FIELDS = new Set(["v", "id", "messageId", "name", "atMs", "service"]);

/** Fields of messages, items and events in people's words; what is not here is shown by its own words. */
const LABELS = {
  returnPath: "From (return path)",
  recipient: "To",
  recipients: "To",
  recipientCount: "Number of recipients",
  clientAddress: "Received from",
  helo: "Client's name (HELO)",
  size: "Size in octets",
  lastError: "Last answer",
  notBeforeMs: "Not before",
  nextTryAtMs: "Next try",
  queue: "Waits for",
  errno: "Error number",
  tls: "TLS",
};

/** `queuedAtMs` → `Queued`, `lastError` → `Last error`. */
function labelOf(name) {
  const words = name
    .replace(/(At)?Ms$/, "")
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase();
  return LABELS[name] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

const WAITS_FOR = { route: "router", deliver: "delivery" };

/** An item says which attempt comes next; people ask how often it was tried. */
function waitingItem({ attempt, queue, id, ...rest }) {
  return facts({
    item: id,
    queue: WAITS_FOR[queue] ?? queue,
    triesMade: attempt === undefined ? undefined : attempt - 1,
    ...rest,
  });
}

function textOf(value) {
  if (value === "") return "<>";
  if (Array.isArray(value)) return value.map(textOf).join(", ");
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([name, part]) => `${labelOf(name)}: ${textOf(part)}`)
    .join(", ");
}

function facts(object) {
  const list = element("dl", { className: "facts" });
  for (const [name, value] of Object.entries(object)) {
    if (HIDDEN_FIELDS.has(name) || value === undefined) continue;
    const isTime = /(At|Before)Ms$/.test(name);
    list.append(
      element("dt", { text: labelOf(name) }),
      element("dd", { text: isTime ? dateTime(value) : textOf(value) }),
    );
  }
  return list;
}

function check({ name, value, said, note, waitedUs }) {
  const written = value === undefined ? name : `${name} = ${value}`;
  const why = [note, waitedUs === undefined ? undefined : `waited ${waitedUs} µs`].filter((part) => part !== undefined);
  return `${written} → ${said}${why.length === 0 ? "" : ` (${why.join(", ")})`}`;
}

/** Why the policy has decided so: each stage, each statement that was come by; bold: the one that has decided. */
function decisions({ stages, omittedStages, ...event }) {
  const list = element("ol", { className: "stages" });
  for (const { stage, about, verdict, isTemporary, tookUs, reply, log, steps, omittedSteps } of stages) {
    const head = [stage, about].filter((word) => word !== undefined).join(" ");
    const said = [isTemporary ? "temporarily" : undefined, verdict, reply ?? log].filter((word) => word !== undefined);
    const place = element("li", {}, element("span", { text: head, className: "name" }));
    place.append(element("span", { text: `  ${said.join(" ")}  `, className: `verdict ${verdict}` }));
    place.append(element("span", { text: `${tookUs} µs`, className: "faint" }));
    if (omittedSteps !== undefined) {
      place.append(element("p", { text: `${omittedSteps} statements are left out`, className: "faint" }));
    }
    for (const { acl, depth = 0, verb, at, checks, outcome, decides } of steps) {
      const text = `${"  ".repeat(depth)}${verb} ${[...checks.map(check), outcome].join("; ")}`;
      place.append(element("p", { text, className: decides ? "step decides" : "step", title: `${acl}, ${at}` }));
      place.lastChild.append(element("span", { text: `  ${at}`, className: "faint" }));
    }
    list.append(place);
  }
  if (omittedStages !== undefined)
    list.append(element("li", { text: `and ${omittedStages} more`, className: "faint" }));
  return [facts(event), list];
}

function showMessage(message) {
  $("#message-title").textContent = message.id;
  const recipients = element(
    "table",
    {},
    element(
      "tbody",
      {},
      ...message.recipients.map((recipient) =>
        element(
          "tr",
          {},
          element("td", { text: recipient.address }),
          element("td", { text: recipient.state, className: `state ${recipient.state}` }),
          element("td", { text: recipient.text ?? "" }),
        ),
      ),
    ),
  );
  const events = element(
    "ol",
    { className: "events" },
    ...message.events.map((event) =>
      element(
        "li",
        {},
        element("span", { text: `${dateTime(event.atMs)}  `, className: "faint" }),
        element("span", { text: event.name, className: "name" }),
        element("span", { text: `  ${event.service}`, className: "faint" }),
        ...(event.name === "msg:decided" ? decisions(event) : [facts(event)]),
      ),
    ),
  );
  const { returnPath, receivedAtMs, size, clientAddress } = message;
  $("#message-body").replaceChildren(
    element("p", { text: message.state, className: `state ${message.state}` }),
    facts({ returnPath, receivedAtMs, size, clientAddress }),
    element("h3", { text: "Recipients" }),
    recipients,
    ...(message.waiting.length === 0
      ? []
      : [element("h3", { text: "Still to be done" }), ...message.waiting.map(waitingItem)]),
    element("h3", { text: message.isCut ? "Events (the first ones)" : "Events" }),
    events,
  );
  if (!$("#message").open) $("#message").showModal();
}

async function openMessage() {
  const id = location.hash.slice(1);
  if (id === "") return $("#message").close();
  try {
    showMessage(await ask(`v1/messages/${encodeURIComponent(id)}`));
  } catch (err) {
    $("#message-title").textContent = id;
    $("#message-body").replaceChildren(element("p", { text: err.message }));
    if (!$("#message").open) $("#message").showModal();
  }
}

let isRefreshing = false;

async function refresh() {
  if (isRefreshing || document.hidden) return;
  isRefreshing = true;
  const parts = [
    ask("v1/queue?limit=0").then(showQueue),
    ask("v1/suspensions").then(showSuspensions),
    ask(`v1/rates?minutes=${HOUR_MINUTES}`).then(showRates),
    ask("v1/fleet").then(showFleet, showNoFleet),
    refreshMessages(),
  ];
  const failed = (await Promise.allSettled(parts)).find((part) => part.status === "rejected");
  $("#notice").hidden = failed === undefined;
  $("#notice").textContent = failed === undefined ? "" : `not up to date: ${failed.reason.message}`;
  isRefreshing = false;
}

$("#filter").addEventListener("submit", (event) => event.preventDefault());
$("#filter").addEventListener("input", () => {
  pages = 1;
  void refresh();
});
$("#more").addEventListener("click", () => {
  pages++;
  void refresh();
});
$("#message").addEventListener("close", () => {
  if (location.hash !== "") history.pushState(null, "", location.pathname);
});
addEventListener("hashchange", openMessage);
document.addEventListener("visibilitychange", refresh);
setInterval(refresh, POLL_MS);
void refresh();
void openMessage();
