import {
  type AclAnswer,
  type AclHooks,
  AclSession,
  Acls,
  type Configuration,
  checkConfiguration,
  compileExpansion,
  compilePolicy,
  createEvaluation,
  ExpansionTester,
  policySurroundings,
  receivedContent,
  SmtpAcls,
  type Surroundings,
  sessionNames,
  textOf,
} from "@postbus/policy";
import {
  compileRouters,
  type Delivery,
  formatRouting,
  type RoutingContext,
  type RoutingResult,
} from "@postbus/routing";

const FILE = "/etc/postbus/example.conf";
const PROCESS = { hostname: "mx.test.example", localAddresses: ["127.0.0.1"], environment: {} };
const NAMES = { primaryHostname: "mx.test.example", file: FILE, version: "4.100" };

/** A client, and what the test says in place of the services that are asked about its message. */
export interface ClientOptions {
  readonly address?: string;
  readonly hooks?: AclHooks;
  /** Of a connection that came through a proxy; empty address: the negotiation has failed. */
  readonly proxy?: { readonly localAddress: string; readonly externalAddress: string };
}

/** One transaction under an example. */
export interface Transaction extends ClientOptions {
  readonly helo?: string;
  readonly mail?: string;
  readonly recipients?: readonly string[];
  /** Lines of the header section, folded with LF. */
  readonly header?: readonly string[];
}

/** What an example makes of a client. */
export interface Told {
  /** Of connection, MAIL, each RCPT, DATA: a reply, or the verdict where the policy gives none. */
  readonly said: readonly string[];
  /** `main: text` */
  readonly log: readonly string[];
  readonly session: AclSession;
}

/** A configuration that was read, with the engines of the services to try it by. */
export class Site {
  readonly configuration: Configuration;
  /** What is worth telling though it is no error. */
  readonly notices: readonly string[];

  /** @throws {Error} with all that is wrong. */
  constructor(text: string) {
    const { configuration, faults, notices } = checkConfiguration({
      file: FILE,
      readFile: (path) => (path === FILE ? Buffer.from(text, "latin1") : undefined),
      // The accounts and files of the examples need not be on this machine.
      portable: true,
    });
    if (configuration === undefined) throw new Error(faults.join("\n"));
    this.configuration = configuration;
    this.notices = notices;
  }

  /** Why the services do not take it yet; empty: they do. */
  async refusals(): Promise<readonly string[]> {
    try {
      const source = { configuration: this.configuration, file: FILE, process: PROCESS, programVersion: "4.100" };
      await compilePolicy(source).stop();
      return [];
    } catch (err) {
      if (err instanceof Error && err.name === "ConfigError") return err.message.split("\n");
      throw err;
    }
  }

  /** A session; addresses are verified by the routers of the configuration. */
  session({ address = "192.0.2.1", hooks = {}, proxy }: ClientOptions = {}) {
    const { shared, stop } = policySurroundings(this.configuration, PROCESS);
    const log: string[] = [];
    const routing = compileRouters(this.configuration);
    const view = proxy && { proxy: { result: "ok" as const, ...proxy, localPort: 50, externalPort: 25 } };
    const names = sessionNames(this.configuration, NAMES);
    const session: AclSession = new AclSession({ address, port: 4000, ...view }, names, shared, {
      log: (targets, text) => void log.push(`${targets.join("+")}: ${text}`),
      verifyAddress: (request) =>
        routing.verify(request, {
          returnPath: session.message.returnPath ?? "",
          surroundings: shared,
          variables: session.evaluation.around.variables,
        }),
      ...hooks,
    });
    return { acls: new SmtpAcls(session, new Acls(this.configuration)), session, log, stop };
  }

  /** A whole transaction, as far as the ACLs are concerned. */
  async message(transaction: Transaction = {}): Promise<Told> {
    const {
      helo = "client.example",
      mail = "<a@b.example>",
      recipients = ["user1@test.example"],
      header,
    } = transaction;
    const { acls, session, log, stop } = this.session(transaction);
    try {
      const said = [shown(await acls.connect())];
      await acls.helo(helo, true);
      acls.command(`MAIL FROM:${mail}`, `FROM:${mail}`);
      const [, returnPath = ""] = /^<(.*?)>/.exec(mail) ?? [];
      said.push(shown(await acls.mail({ returnPath, isPrdr: /> .*\bPRDR\b/.test(mail) })));
      for (const recipient of recipients) said.push(shown(await acls.recipient(recipient)));
      acls.content(contentOf(header ?? ["From: a@b.example", "Subject: x"]));
      said.push(shown(await acls.data()));
      return { said, log, session };
    } finally {
      await stop();
    }
  }

  /** Where an address goes, as `postbus route` prints it. */
  async route(address: string, more: Partial<RoutingContext> = {}): Promise<readonly string[]> {
    return formatRouting(address, await this.#routed(address, more));
  }

  /** What delivery would be told about it. */
  async deliveries(address: string, more: Partial<RoutingContext> = {}): Promise<readonly Delivery[]> {
    const { outcomes } = await this.#routed(address, { purpose: "deliver", ...more });
    return outcomes.filter((outcome) => outcome.kind === "deliver");
  }

  async #routed(address: string, more: Partial<RoutingContext>): Promise<RoutingResult> {
    const { shared, stop } = policySurroundings(this.configuration, PROCESS);
    try {
      const context: RoutingContext = { purpose: "test", returnPath: "s@s.example", surroundings: shared, ...more };
      return await compileRouters(this.configuration).route(address, context);
    } finally {
      await stop();
    }
  }

  /** What a driver's option is set to, or its default. */
  transportOption(transport: string, option: string): unknown {
    const { options } = this.configuration.transports.get(transport) ?? {};
    const setting = options?.settings as ReadonlyMap<string, { readonly value: unknown }> | undefined;
    const rows = options?.table as Readonly<Record<string, { readonly value?: unknown }>> | undefined;
    return setting?.get(option)?.value ?? rows?.[option]?.value;
  }

  /** A string expanded where these variables have these values. */
  async value(
    source: string,
    variables: Readonly<Record<string, string | number>>,
    more: Partial<Surroundings> = {},
  ): Promise<string> {
    const { shared, stop } = policySurroundings(this.configuration, PROCESS);
    try {
      const evaluation = createEvaluation({ ...shared, variables: { get: (name) => variables[name] }, ...more });
      return textOf(await compileExpansion(source).run(evaluation));
    } finally {
      await stop();
    }
  }

  /** Strings one after another, as `postbus expand` prints them. */
  async expand(...texts: readonly string[]): Promise<readonly string[]> {
    const tester = new ExpansionTester(this.configuration, { ...PROCESS, file: FILE, version: "4.100" });
    const results: string[] = [];
    try {
      for (const text of texts) results.push(await tester.line(text));
    } finally {
      await tester.stop();
    }
    return results;
  }
}

function contentOf(header: readonly string[]): ReturnType<typeof receivedContent> {
  const text = { start: "text\n", end: "text\n", read: () => ["text", ""] };
  const body = { size: 6, lines: 1, longestLine: 4, zeros: 0, ...text };
  return receivedContent(
    header.map((line) => `${line}\n`),
    body,
  );
}

/** `250 …`, `drop 550 …`; `accept` where the policy gives no reply. */
export function shown({ verdict, reply }: AclAnswer): string {
  if (reply === undefined) return verdict;
  const text = `${reply.code} ${reply.status === undefined ? "" : `${reply.status} `}${reply.lines.join("|")}`;
  return verdict === "refuse" ? text : `${verdict} ${text}`;
}
