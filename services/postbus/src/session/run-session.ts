import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Resolver } from "@postbus/dns";
import { MessageIdGenerator } from "@postbus/mail";
import {
  type AclHooks,
  AclSession,
  Acls,
  authservIds,
  type Configuration,
  formatPlace,
  formatRecord,
  PROGRAM_VERSION,
  ProblemList,
  policySurroundings,
  rewritingOf,
  SmtpAcls,
  type SmtpParts,
  type SmtpPolicy,
  sessionNames,
  smtpParts,
  smtpPolicy,
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
  const problems = new ProblemList();
  const smtp = smtpPolicy(configuration, problems);
  for (const { place, text } of problems.all) trace(`${formatPlace(place)}: ${text}`);
  const parts = smtpParts(configuration, primaryHostname);
  const acls = new SmtpAcls(session, compiled, parts);
  const ids = new MessageIdGenerator();
  const dialogue: Dialogue = new Dialogue({
    profile: profileOf(configuration, smtp, primaryHostname, acls, parts.advertised.forAll),
    clientAddress: client.address,
    acls,
    rewriting: {
      rewriting: rewritingOf(configuration),
      qualifyDomain: names.qualifyDomain,
      qualifyRecipient: names.qualifyRecipient,
    },
    unwanted: { names: smtp.removedFields, authservIds: authservIds(configuration, names) },
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

/**
 * What the configuration says of all sessions, as to the gateway. Without enhanced status codes, which Exim does not have;
 * and what is typed ahead, or lies in a file, is there at once.
 */
function profileOf(
  configuration: Configuration,
  smtp: SmtpPolicy,
  hostname: string,
  acls: SmtpAcls,
  forAll: SmtpParts["advertised"]["forAll"],
): SessionProfile {
  const asks: SessionQuestion[] = ["helo", "vrfy", "expn", "etrn", "quit", "reset"];
  if (rewritingOf(configuration)?.concern(["S"]) === true) asks.push("path");
  return sessionProfile({
    ...smtp,
    hostname,
    offers: { ...forAll, prdr: smtp.offersPrdr },
    commands: (["etrn", "vrfy", "expn"] as const).filter((stage) => acls.has(stage)),
    offersTls: false,
    offersStatus: false,
    enforcesSync: false,
    asks: new Set(asks),
  });
}

async function readTextFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "latin1");
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return undefined;
    throw err;
  }
}
