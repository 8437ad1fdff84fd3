import { lstatSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { CarriedValue, Content, DeliveryItem } from "@postbus/contracts";
import {
  type AppendfileTransport,
  compilePolicy,
  MessageVariables,
  type Policy,
  readConfiguration,
} from "@postbus/policy";
import { type AttemptResult, defaultReports } from "@postbus/queue";
import { deliverByAppendfile } from "../../src/appendfile/appendfile-delivery.ts";
import { type MailboxDeps, mailboxDeps } from "../../src/appendfile/mailbox-deps.ts";
import type { Attempt } from "../../src/attempt.ts";
import { deliveryItem, inline } from "../smtp/rig.ts";

export const HOST = "mx.a.test";
export const CONTENT = "Subject: x\r\n\r\nhello\r\n.dot\r\n";
/** Local time, as Exim writes it. */
export const now = () => new Date(2026, 10, 21, 1, 36, 36).getTime();
/** As Debian's transports have it. */
export const ADDS = " return_path_add\n envelope_to_add\n delivery_date_add\n";

export interface DeliverOptions {
  /** Of the transport, one a line; `DIR` is the directory of the mailboxes. */
  readonly options?: string;
  readonly recipients?: readonly string[];
  readonly content?: Content;
  readonly handedOut?: number;
  readonly isHeld?: boolean;
  readonly id?: string;
  readonly item?: Partial<DeliveryItem>;
  /** Of the address, as routing has left them. */
  readonly variables?: Readonly<Record<string, CarriedValue>>;
  readonly signal?: AbortSignal;
}

export const policyOf = (text: string): Policy => {
  const { configuration, problems } = readConfiguration({
    file: "p.conf",
    macros: new Map(),
    readFile: (path) => (path === "p.conf" ? Buffer.from(text, "latin1") : undefined),
  });
  if (problems.length > 0) throw new Error(problems.map((problem) => problem.text).join("\n"));
  const process = { hostname: HOST, localAddresses: [], environment: {}, now };
  return compilePolicy({ configuration, file: "p.conf", process, programVersion: "4.100" });
};

/** A directory of mailboxes, removed at the end. */
export class Mailboxes {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "postbus-mailboxes-")));
  deps: MailboxDeps = mailboxDeps({ read: () => readPieces([]) }, now);

  path(...names: string[]): string {
    return join(this.root, ...names);
  }

  async report({ options = "", ...given }: DeliverOptions) {
    const { attempt, transport } = await this.prepared(options, given);
    const policy = { primaryHostname: HOST, qualifyDomain: "a.test", reports: defaultReports("a.test") };
    return deliverByAppendfile(attempt, transport, policy, this.deps);
  }

  async deliver(options: DeliverOptions): Promise<readonly AttemptResult[]> {
    return (await this.report(options)).results;
  }

  /** The text of a result that is a deferral, with its number, as the log has it; or `delivered`. */
  async outcome(options: DeliverOptions): Promise<string> {
    const [result] = await this.deliver(options);
    if (result?.outcome !== "deferred") return result?.outcome ?? "nothing";
    return `${result.errno} ${result.text.replaceAll(this.root, "DIR")}`;
  }

  async prepared(
    options: string,
    given: Omit<DeliverOptions, "options">,
  ): Promise<{ attempt: Attempt; transport: AppendfileTransport }> {
    const { recipients = ["u1@a.test"], content = inline(CONTENT), handedOut = 1, isHeld = true } = given;
    const { id = "1vMhGf-0000000012a-0Ab3_0_1", signal = new AbortController().signal } = given;
    const item = deliveryItem(recipients, given.item);
    const text = `begin transports\nt:\n driver = appendfile\n${options.replaceAll("DIR", this.root)}\n`;
    const transport = await policyOf(text)
      .transport("t")
      .at((address) => {
        const [local = "", domain = ""] = address.split("@");
        const own = { local_part_data: local, domain_data: domain, ...given.variables };
        return new MessageVariables(item, address, own);
      }, recipients[0] ?? "");
    if (transport.driver !== "appendfile") throw new Error("not an appendfile transport");
    return { attempt: { work: { id, handedOut, isHeld: () => isHeld, signal }, item, content }, transport };
  }

  read(...names: string[]): string {
    return readFileSync(this.path(...names), "latin1");
  }

  /** All files and directories, with their modes: `u1/new 700`. */
  tree(): string[] {
    const names = readdirSync(this.root, { recursive: true, withFileTypes: true }).map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return `${relative(this.root, path)} ${(lstatSync(path).mode & 0o7777).toString(8)}`;
    });
    return names.sort();
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export async function* readPieces(pieces: readonly string[]): AsyncGenerator<Buffer> {
  const memory = Buffer.alloc(100_000);
  for (const piece of pieces) {
    yield memory.subarray(0, memory.write(piece, "latin1"));
    memory.fill(0);
  }
}
