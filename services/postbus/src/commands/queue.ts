import { parseArgs } from "node:util";
import { type Static, Type } from "typebox";
import { UsageError } from "../command.ts";
import { listedMessage } from "../exim/queue-listing.ts";
import { checkId, messageIdOf } from "../message-id.ts";
import { printable } from "../printable.ts";
import { openStatusClient, type StatusClient, statusOptions } from "../status-client.ts";
import { spanText } from "../time-text.ts";
import { showSuspensions } from "./suspend.ts";

const Count = Type.Integer();
const Counts = Type.Object({ route: Count, deliver: Count, deferred: Count, frozen: Count });
const Item = Type.Object({
  id: Type.String(),
  messageId: Type.String(),
  state: Type.String(),
  notBeforeMs: Type.Optional(Type.Number()),
  reason: Type.Optional(Type.String()),
  size: Type.Integer(),
  returnPath: Type.Optional(Type.String()),
  recipients: Type.Array(Type.String()),
  recipientCount: Type.Integer(),
  receivedAtMs: Type.Optional(Type.Number()),
  lastError: Type.Optional(Type.String()),
  suspended: Type.Optional(Type.String()),
});
const Page = Type.Object({ items: Type.Array(Item), next: Type.Optional(Type.String()) });
const Message = Type.Object({
  id: Type.String(),
  state: Type.String(),
  recipients: Type.Array(
    Type.Object({ address: Type.String(), state: Type.String(), text: Type.Optional(Type.String()) }),
  ),
  waiting: Type.Array(Item),
});

/** Of the status service. */
const PAGE_ITEMS = 200;
const MAX_RECIPIENTS = 1_000;

interface Call {
  readonly client: StatusClient;
  readonly isJson: boolean;
  /** What `queue show` and the like are about; empty where none is needed. */
  readonly id: string;
  /** An address that follows the id; empty where none does. */
  readonly address: string;
}

interface Subcommand {
  readonly needsId: boolean;
  /** One id, and addresses behind it: at least one. */
  readonly takesAddresses?: true;
  run(call: Call): Promise<void>;
}

const subcommands: Readonly<Record<string, Subcommand>> = {
  list: { needsId: false, run: list },
  "exim-list": { needsId: false, run: eximList },
  "exim-count": { needsId: false, run: eximCount },
  count: { needsId: false, run: count },
  show: { needsId: true, run: show },
  now: change("now", "will be tried now"),
  freeze: change("freeze", "is frozen"),
  thaw: change("thaw", "goes on"),
  bounce: change("bounce", "is given up; its sender is told"),
  remove: change("remove", "is removed"),
  delivered: edit("delivered", "nothing more is delivered to"),
  "all-delivered": { needsId: true, run: editor("all-delivered", "nothing more is delivered to anybody") },
  add: edit("recipient", "is delivered to, too:"),
  sender: edit("sender", "comes from now on from"),
};

/** `postbus queue`: what Exim's `-bp` and `-M…` do, over the status service's HTTP API. */
export async function queue(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args: [...args], options: statusOptions, allowPositionals: true });
  const [name = "list", ...ids] = positionals;
  const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  if (subcommand === undefined) {
    throw new UsageError(
      `unknown queue command ${JSON.stringify(name)}; there are ${Object.keys(subcommands).join(", ")}`,
    );
  }
  if (subcommand.needsId && ids.length === 0) throw new UsageError(`queue ${name}: which one? Say an id`);
  if (!subcommand.needsId && ids.length > 0) throw new UsageError(`queue ${name}: takes no id`);
  const addresses = subcommand.takesAddresses ? ids.splice(1) : [""];
  if (addresses.length === 0) throw new UsageError(`queue ${name}: which address?`);
  if (subcommand.needsId) for (const id of ids) checkId(id);
  const client = openStatusClient(values.server);
  for (const id of subcommand.needsId ? ids : [""])
    for (const address of addresses) await subcommand.run({ client, isJson: values.json, id, address });
  return 0;
}

const showJson = (answer: unknown): boolean => process.stdout.write(`${JSON.stringify(answer)}\n`);

/** Page by page, so that a queue of a million items is no burden here. */
async function* items(client: StatusClient, more = ""): AsyncIterable<Static<typeof Item>> {
  let after = "";
  do {
    const page = await client.read(`/v1/queue?limit=${PAGE_ITEMS}${more}${after}`, Page);
    yield* page.items;
    after = page.next === undefined ? "" : `&counts=false&after=${encodeURIComponent(page.next)}`;
  } while (after !== "");
}

/** JSON: an item a line. */
async function list({ client, isJson }: Call): Promise<void> {
  if (!isJson) await showSuspensions(client, isJson);
  let isEmpty = true;
  for await (const item of items(client)) {
    isEmpty = false;
    if (isJson) showJson(item);
    else process.stdout.write(`${itemLine(item, Date.now())}\n`);
  }
  if (isEmpty && !isJson) process.stderr.write("nothing waits\n");
}

/** As `exim -bp` does it, for its tools. */
async function eximList({ client }: Call): Promise<void> {
  for await (const message of messages(client)) process.stdout.write(listedMessage(message, Date.now()));
}

/** As `exim -bpc`: how many messages. */
async function eximCount({ client }: Call): Promise<void> {
  const { messages } = await client.read("/v1/queue?limit=0&messages=true", Type.Object({ messages: Count }));
  process.stdout.write(`${messages}\n`);
}

/** The items of each message, which stand one behind the other. */
async function* messages(client: StatusClient): AsyncIterable<readonly Static<typeof Item>[]> {
  let message: Static<typeof Item>[] = [];
  for await (const item of items(client, `&recipients=${MAX_RECIPIENTS}`)) {
    if (message[0] !== undefined && message[0].messageId !== item.messageId) {
      yield message;
      message = [];
    }
    message.push(item);
  }
  if (message.length > 0) yield message;
}

/** `1vMhGf-… deferred  25m  2.9K <return path> → recipients  again in 5m: why`, near Exim's list. */
export function itemLine(item: Static<typeof Item>, nowMs: number): string {
  const age = item.receivedAtMs === undefined ? "" : spanText(nowMs - item.receivedAtMs);
  const more = item.recipientCount - item.recipients.length;
  const recipients = [...item.recipients, ...(more > 0 ? [`and ${more} more`] : [])].join(" ");
  const state = item.state.padEnd("deferred".length);
  const line = `${item.messageId} ${state} ${age.padStart(4)} ${sizeText(item.size).padStart(5)} <${item.returnPath ?? ""}> → ${recipients}`;
  return printable([line, stateText(item, nowMs)].filter((text) => text !== "").join("  "));
}

function stateText({ state, reason, notBeforeMs, lastError, suspended }: Static<typeof Item>, nowMs: number): string {
  // What the host has said before is not why it waits now.
  const why = suspended === undefined ? lastError : `delivery to ${suspended} is suspended`;
  const because = why === undefined ? "" : `: ${why}`;
  if (state === "frozen") return reason ?? "";
  if (state !== "deferred") return "";
  return `again ${notBeforeMs === undefined ? "later" : `in ${spanText(notBeforeMs - nowMs)}`}${because}`;
}

function sizeText(octets: number): string {
  if (octets < 1024) return String(octets);
  if (octets < 1024 * 1024) return `${(octets / 1024).toFixed(1)}K`;
  return `${(octets / 1024 / 1024).toFixed(1)}M`;
}

async function count({ client, isJson }: Call): Promise<void> {
  const { counts } = await client.read("/v1/queue?limit=0", Type.Object({ counts: Counts }));
  if (isJson) showJson(counts);
  else for (const [name, number] of Object.entries(counts)) process.stdout.write(`${name.padEnd(8)} ${number}\n`);
}

async function show({ client, isJson, id }: Call): Promise<void> {
  const path = `/v1/messages/${messageIdOf(id)}`;
  if (isJson) return void showJson(await client.ask(path));
  const message = await client.read(path, Message);
  const lines = [
    `${message.id} ${message.state}`,
    ...message.recipients.map(
      ({ address, state, text }) => `  ${address} ${state}${text === undefined ? "" : `: ${text}`}`,
    ),
    ...message.waiting.map((item) => itemLine(item, Date.now())),
  ];
  process.stdout.write(`${lines.map(printable).join("\n")}\n`);
}

/** @param outcome What is said between the id and the address when it is done. */
function edit(name: string, outcome: string): Subcommand {
  return { needsId: true, takesAddresses: true, run: editor(name, outcome) };
}

function editor(name: string, outcome: string): Subcommand["run"] {
  return async ({ client, isJson, id, address: given }) => {
    const address = given.replace(/^<(.*)>$/, "$1");
    const path = `/v1/queue/${encodeURIComponent(id)}/edit/${name}?address=${encodeURIComponent(address)}`;
    const answer = await client.ask(path, "POST");
    if (isJson) showJson(answer);
    else process.stdout.write(`${id}: ${printable([outcome, given].filter((text) => text !== "").join(" "))}\n`);
  };
}

/** @param outcome What is said behind the id when it is done. */
function change(name: string, outcome: string): Subcommand {
  return {
    needsId: true,
    async run({ client, isJson, id }) {
      const answer = await client.ask(`/v1/queue/${encodeURIComponent(id)}/${name}`, "POST");
      if (isJson) showJson(answer);
      else process.stdout.write(`${id}: ${outcome}\n`);
    },
  };
}
