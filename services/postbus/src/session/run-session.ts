import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Resolver } from "@postbus/dns";
import { formatReply, MessageIdGenerator } from "@postbus/mail";
import {
  type AclHooks,
  AclSession,
  Acls,
  type Configuration,
  formatPlace,
  formatRecord,
  PROGRAM_VERSION,
  policySurroundings,
  SmtpAcls,
  type SmtpParts,
  sessionNames,
  smtpParts,
} from "@postbus/policy";
import { KeyValueRates, openRedisRates, type RateStore } from "@postbus/rates";
import { compileRouters } from "@postbus/routing";
import { type SessionProfile, type SessionQuestion, sessionProfile } from "@postbus/smtp";
import { Dialogue } from "./dialogue.ts";
import { SessionFacts } from "./session-facts.ts";
import { StateFile } from "./state-file.ts";

export interface SessionOptions {
  readonly configuration: Configuration;
  readonly client: { readonly address: string; readonly port: number };
  readonly file: string;
  readonly dataDirectory: string;
  /** Shared counters; undefined: they are in the data directory. */
  readonly redisUrl: string | undefined;
  readonly resolver: Resolver;
  readonly hostname: string;
  readonly localAddresses: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly input: AsyncIterable<Buffer>;
  write(text: string): void;
  trace(line: string): void;
}

/** Runs one SMTP session under a configuration, from the connection to its end. */
export async function runSession(options: SessionOptions): Promise<void> {
  const { configuration, client, redisUrl, dataDirectory, write, trace } = options;
  const { main } = configuration;
  const surroundings = policySurroundings(configuration, options);
  const { rates, stop } = await openRates(redisUrl, dataDirectory);
  const { primaryHostname } = surroundings.shared.settings;
  const names = sessionNames(configuration, { primaryHostname, file: options.file, version: PROGRAM_VERSION });
  const facts = new SessionFacts({
    configuration,
    shared: surroundings.shared,
    primaryHostname,
    qualifyDomain: names.qualifyDomain,
    resolver: options.resolver,
    session: () => session,
  });
  const hooks: AclHooks = {
    rates,
    ...facts.hooks,
    log: (targets, text, { before } = {}) => {
      const host = session.evaluation.around.variables.get("sender_fullhost") ?? "";
      const of = before === undefined ? "" : `${before}${host}`;
      trace(`LOG: ${targets.join(",")}: ${of}${text}`);
    },
    readAclFile: readTextFile,
    commandHistory: () => dialogue.commandHistory,
    // No host is asked: of a callout, only the routing is done.
    verifyAddress: (request) => {
      const { around } = session.evaluation;
      const returnPath = session.message.returnPath ?? "";
      return routing.verify(request, { returnPath, surroundings: around, variables: around.variables });
    },
  };
  const routing = compileRouters(configuration);
  const session = new AclSession(client, names, surroundings.shared, hooks);
  const compiled = new Acls(configuration);
  for (const { place, text } of compiled.problems) trace(`${formatPlace(place)}: ${text}`);
  const parts = smtpParts(configuration, primaryHostname);
  const acls = new SmtpAcls(session, compiled, parts);
  const ids = new MessageIdGenerator();
  const dialogue: Dialogue = new Dialogue({
    profile: await profileOf(configuration, acls, primaryHostname, {
      ...parts.advertised.forAll,
      prdr: main.get("prdr_enable"),
    }),
    clientAddress: client.address,
    acls,
    qualifyDomain: names.qualifyDomain,
    qualifyRecipient: names.qualifyRecipient,
    receivedText: main.get("received_header_text"),
    bodyVisible: main.get("message_body_visible"),
    configuration,
    scanDirectory: join(dataDirectory, "scan"),
    facts,
    nextMessageId: () => ids.next(),
    write,
    trace: ({ record }) => {
      for (const line of formatRecord(record)) trace(line);
    },
    log: (text) => trace(`LOG: ${text}`),
  });
  try {
    await dialogue.run(options.input);
  } finally {
    await surroundings.stop();
    await stop();
  }
}

/** Counters: those of the fleet, or what sessions before have left in the data directory. */
async function openRates(
  redisUrl: string | undefined,
  directory: string,
): Promise<{ readonly rates: RateStore; stop(): Promise<void> }> {
  if (redisUrl !== undefined) {
    const rates = await openRedisRates({ url: redisUrl });
    return { rates, stop: () => rates.stop() };
  }
  const state = new StateFile(directory);
  return { rates: new KeyValueRates(state, Date.now), stop: async () => state.close() };
}

const ASKED: ReadonlySet<SessionQuestion> = new Set(["helo", "vrfy", "expn", "etrn", "quit", "reset"]);

/** What the configuration says of all sessions. Without enhanced status codes, which Exim does not have. */
async function profileOf(
  { main }: Configuration,
  acls: SmtpAcls,
  hostname: string,
  offers: SmtpParts["advertised"]["forAll"] & { readonly prdr: boolean },
): Promise<SessionProfile> {
  const banner = await acls.text(main.get("smtp_banner"));
  const profile = sessionProfile({
    hostname,
    offers,
    messageSizeLimit: await integer(main.get("message_size_limit"), acls),
    mailMax:
      main.setting("smtp_accept_max_per_connection") === undefined
        ? 0
        : await integer(main.get("smtp_accept_max_per_connection"), acls),
    recipientsMax: await integer(main.get("recipients_max"), acls),
    receivedHeadersMax: main.get("received_headers_max"),
    headerMaxOctets: main.get("header_maxsize"),
    headerLineMaxOctets: main.get("header_line_maxsize"),
    stripsTrailingDot: main.get("strip_trailing_dot"),
    stripsExcessBrackets: main.get("strip_excess_angle_brackets"),
    maxSyntaxErrors: main.get("smtp_max_synprot_errors"),
    maxNonmail: main.get("smtp_accept_max_nonmail"),
    acceptsLiterals: main.get("allow_domain_literals"),
    maxUnknownCommands: main.get("smtp_max_unknown_commands"),
    offersTls: false,
    offersStatus: false,
    // What is typed ahead, or lies in a file, is there at once.
    enforcesSync: false,
    asks: ASKED,
  });
  const [first = "", ...rest] = banner.split("\n");
  return { ...profile, greeting: formatReply({ code: 220, lines: [first, ...rest] }) };
}

/** A number, or the expansion of one; what is none is no limit. */
async function integer(value: number | string, acls: SmtpAcls): Promise<number> {
  if (typeof value === "number") return value;
  const [, digits = "0", suffix = ""] = /^\s*([0-9]{1,12})([KMG]?)\s*$/i.exec(await acls.text(value)) ?? [];
  return Number(digits) * 1024 ** " KMG".indexOf(suffix.toUpperCase() || " ");
}

async function readTextFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "latin1");
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return undefined;
    throw err;
  }
}
