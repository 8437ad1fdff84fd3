import type { WatchedLine } from "@postbus/contracts";
import type { LineObserver, SessionStep } from "@postbus/smtp";
import type { WatchedFacts } from "./watch-filter.ts";
import type { Watcher } from "./watcher.ts";
import type { Watchers } from "./watchers.ts";

/** The client, as its conversation knows it. */
export interface WatchedClient {
  readonly address: string;
  readonly port: number;
  readonly helo: string;
  readonly envelope: { readonly returnPath: string; readonly recipients: readonly string[] } | undefined;
}

/** Lines of a session that are kept for those who may want to see it. */
const MAX_KEPT = 100;
/** Of a line. */
const MAX_TEXT = 1_000;

/** What is kept of a session while somebody looks on. */
interface Watched {
  readonly session: string;
  generation: number;
  /** A proxy may name its client in the middle of a session. */
  address: string;
  /** They see it. */
  readonly shownTo: Set<Watcher>;
  /** They may want to. */
  candidates: Set<Watcher>;
  kept: WatchedLine[];
  omitted: number;
  returnPath: string | undefined;
  /** Of the candidates, those who want a recipient of the transaction: each recipient is looked at once. */
  readonly named: Set<Watcher>;
  contentOctets: number;
  /** A client whose AUTH was refused may send a password all the same, as a command. */
  isBehindAuth: boolean;
}

/** Shows one session to those who look on. While nobody does, each method is one test. */
export class SessionWatch implements LineObserver {
  readonly #watchers: Watchers;
  readonly #client: WatchedClient;
  #watched: Watched | undefined;

  constructor(watchers: Watchers, client: WatchedClient) {
    this.#watchers = watchers;
    this.#client = client;
  }

  get isWatching(): boolean {
    return this.#watchers.isActive;
  }

  /** A command. */
  line(text: string): void {
    const watched = this.#now();
    if (/^\s*AUTH\b/i.test(text)) watched.isBehindAuth = true;
    else if (watched.isBehindAuth) watched.isBehindAuth = mayBeSecret(text);
    this.#show("client", watched.isBehindAuth && mayBeSecret(text) ? "***" : text);
  }

  /** What we say: lines, each with its end. */
  output(lines: string): void {
    if (!this.#watchers.isActive || lines === "") return;
    for (const line of lines.split("\r\n")) {
      // A challenge has in it what the client has said before.
      if (line !== "") this.#show("server", line.startsWith("334 ") ? "334 ***" : line);
    }
  }

  note(text: string): void {
    if (this.#watchers.isActive) this.#show("note", text);
  }

  step(step: SessionStep): void {
    if (!this.#watchers.isActive) return;
    const watched = this.#now();
    switch (step.kind) {
      case "mail":
        watched.returnPath = step.returnPath;
        watched.named.clear();
        break;
      case "recipient":
        nameRecipient(watched, step.address);
        break;
      case "header":
      case "content":
        watched.contentOctets += step.octets.length;
        return;
      case "end":
      case "refused":
        if (watched.contentOctets > 0) this.#show("note", `content of a message, ${watched.contentOctets} octets`);
        watched.contentOctets = 0;
        return;
      default:
        return;
    }
    this.#match(watched);
  }

  /** It is shown to those who have seen something of it: nobody comes for the end alone. */
  closed(): void {
    const watched = this.#watched;
    this.#watched = undefined;
    if (watched === undefined || watched.shownTo.size === 0) return;
    const line = this.#line(watched, "end", "the connection is closed");
    for (const watcher of watched.shownTo) watcher.add(line);
  }

  #line({ session }: Watched, kind: WatchedLine["kind"], text: string): WatchedLine {
    const { address: clientAddress, port: clientPort } = this.#client;
    return { atMs: Date.now(), session, clientAddress, clientPort, kind, text: printable(text) };
  }

  #show(kind: WatchedLine["kind"], text: string): void {
    const watched = this.#now();
    const line = this.#line(watched, kind, text);
    for (const watcher of watched.shownTo) watcher.add(line);
    if (watched.candidates.size === 0) return;
    watched.kept.push(line);
    if (watched.kept.length > MAX_KEPT) {
      watched.kept.shift();
      watched.omitted += 1;
    }
    // A hello is known only when it is answered.
    this.#match(watched);
  }

  /** With those who have come since it was last looked. */
  #now(): Watched {
    const { generation } = this.#watchers;
    const { address, port } = this.#client;
    this.#watched ??= {
      session: `${this.#watchers.instance} ${address} ${port}`,
      generation: -1,
      address,
      shownTo: new Set(),
      candidates: new Set(),
      kept: [],
      omitted: 0,
      returnPath: this.#client.envelope?.returnPath,
      named: new Set(),
      contentOctets: 0,
      isBehindAuth: false,
    };
    const watched = this.#watched;
    if (watched.generation === generation && watched.address === address) return watched;
    watched.generation = generation;
    watched.address = address;
    const all = new Set(this.#watchers.all);
    for (const watcher of watched.shownTo) if (!all.has(watcher)) watched.shownTo.delete(watcher);
    watched.candidates = new Set(
      [...all].filter((watcher) => !watched.shownTo.has(watcher) && watcher.filter.mayMatch(address)),
    );
    for (const recipient of this.#client.envelope?.recipients ?? []) nameRecipient(watched, recipient);
    this.#match(watched);
    return watched;
  }

  #match(watched: Watched): void {
    const { candidates, shownTo } = watched;
    if (candidates.size === 0) return;
    const { address, helo } = this.#client;
    for (const watcher of candidates) {
      const hasRecipient = watched.named.has(watcher);
      const facts: WatchedFacts = { address, helo, returnPath: watched.returnPath, hasRecipient };
      if (!watcher.mayTakeSession) candidates.delete(watcher);
      else if (watcher.filter.matches(facts) && watcher.takeSession()) {
        candidates.delete(watcher);
        shownTo.add(watcher);
        const [first] = watched.kept;
        if (watched.omitted > 0 && first !== undefined) {
          watcher.add({ ...first, kind: "note", text: `${watched.omitted} lines are not shown` });
        }
        for (const line of watched.kept) watcher.add(line);
      }
    }
    if (candidates.size > 0) return;
    watched.kept = [];
    watched.omitted = 0;
  }
}

function nameRecipient({ candidates, named }: Watched, address: string): void {
  for (const watcher of candidates) if (watcher.filter.wantsRecipient(address)) named.add(watcher);
}

/** One word that could be base64, and is no command. */
const mayBeSecret = (text: string): boolean =>
  /^[a-z0-9+/]+=*$/i.test(text) && !/^(?:QUIT|RSET|NOOP|DATA|HELP|STARTTLS)$/i.test(text);

/** Peers write it, and it goes to terminals. */
const printable = (text: string): string => text.slice(0, MAX_TEXT).replaceAll(/[^ -~\x80-\xff]/g, "?");
