import type { Question } from "@postbus/bus";
import { type CalloutAnswer, CalloutRequest, type Written } from "@postbus/contracts";
import { ConfigError, DeferError, domainOf } from "@postbus/mail";
import type { HostTerms, Policy, SmtpTransport } from "@postbus/policy";
import { type CalloutEnd, calloutDialogue, isSafeAddress } from "@postbus/smtp";
import { Compile } from "typebox/compile";
import { CalloutEvents, variablesOf } from "../events/callout-events.ts";
import type { AddressCache } from "../smtp/address-cache.ts";
import type { ClientContexts } from "../smtp/client-contexts.ts";
import { localEnd } from "../smtp/host-facts.ts";
import { hostSpec, type NextHop } from "../smtp/next-hop.ts";
import { REFUSED_BY_EVENT } from "../smtp/open-failure.ts";
import { proxiedSocket } from "../smtp/proxied-socket.ts";
import { sendingAddress } from "../smtp/sending-address.ts";
import type { CalloutCache } from "./callout-cache.ts";
import { CalloutConnection, type CalloutConnectionOptions } from "./callout-connection.ts";

export interface CalloutDeps {
  /** The one in force now. */
  readonly policy: () => Pick<Policy, "primaryHostname" | "transport" | "events">;
  /** Lines that `event_action` writes, for the log. */
  record(lines: readonly Written[]): void;
  readonly addresses: AddressCache;
  readonly contexts: ClientContexts;
  readonly cache: CalloutCache;
}

const requests = Compile(CalloutRequest);

/** As many as a delivery tries. */
const MAX_HOPS_TRIED = 5;

/** `verify.callout`: asks the hosts that would take mail for an address, one after the other until one can say (RFC 5321 §3.3). */
export function calloutHandler(deps: CalloutDeps): (question: Question) => Promise<CalloutAnswer> {
  return async ({ body: request, signal }) => {
    if (!requests.Check(request)) throw new Error("verify.callout: the question does not fit its contract");
    const { address, mailFrom, postmasterMailFrom, randomLocalPart = "" } = request;
    // A policy may make them of what a peer has chosen: with a line end in it, it would write commands of its own.
    if (![address, mailFrom, postmasterMailFrom, randomLocalPart].every(isSafeAddress)) {
      return { v: 1, result: "unknown", failure: "mail", text: "an address has control characters" };
    }
    const known = await deps.cache.find(request);
    if (known !== undefined) return known;
    const transport = await transportOf(request, deps);
    if (typeof transport === "string") return { v: 1, result: "unknown", failure: "mail", text: transport };
    const within = AbortSignal.any([signal, AbortSignal.timeout(request.maxWaitMs)]);
    const events = new CalloutEvents(request, deps.policy().events, deps.record);
    const around = { signal: within, contexts: deps.contexts, events };
    let last: CalloutAnswer = { v: 1, result: "unknown", failure: "mail", text: "no host can be asked" };
    for (const hop of await hopsOf(request, transport, deps, events)) {
      const end = await asked(hop, request, transport, around);
      last = answerOf(end, hop);
      if (end.result !== "unknown") {
        await deps.cache.keep(request, last, end);
        break;
      }
      if (within.aborted) break;
    }
    return last;
  };
}

function answerOf(end: CalloutEnd, { name: host, address: hostAddress }: NextHop): CalloutAnswer {
  const { random: _, tls: __, ...rest } = end;
  return end.result === "good" ? { v: 1, result: "good" } : { v: 1, ...rest, host, hostAddress };
}

/** @returns in words, why it cannot be used. */
async function transportOf(
  { transport: name, address }: CalloutRequest,
  deps: CalloutDeps,
): Promise<SmtpTransport | string> {
  try {
    const transport = await deps
      .policy()
      .transport(name)
      .at(() => variablesOf({ address }), address);
    return transport.driver === "smtp" ? transport : `the ${name} transport has no hosts`;
  } catch (err) {
    // Gateway may run another version of the policy.
    if (err instanceof ConfigError || err instanceof DeferError) return err.message;
    throw err;
  }
}

async function hopsOf(
  { hosts, hostAddresses }: CalloutRequest,
  transport: SmtpTransport,
  { addresses }: CalloutDeps,
  events: CalloutEvents,
): Promise<readonly NextHop[]> {
  const hops: NextHop[] = [];
  for (const [i, text] of (hosts ?? transport.hosts.filter((text) => text !== "+")).entries()) {
    const { name, port } = hostSpec(text, transport.port);
    const routed = hostAddresses?.[i] ?? "";
    const found = routed === "" ? await addresses.resolve(name) : { kind: "found" as const, addresses: [routed] };
    if (found.kind !== "found") events.notFound(name, found.kind === "none");
    else hops.push(...found.addresses.map((address) => ({ name, port, address })));
    if (hops.length >= MAX_HOPS_TRIED) break;
  }
  return hops.slice(0, MAX_HOPS_TRIED);
}

/** Until when, who wants to know of it, and what TLS is made with. */
type Around = Pick<CalloutConnectionOptions, "signal" | "events" | "contexts">;

/** Where TLS is not required and fails, it is asked in the clear, unless the transport waits for TLS. */
async function asked(
  hop: NextHop,
  request: CalloutRequest,
  transport: SmtpTransport,
  around: Around,
): Promise<CalloutEnd> {
  try {
    const terms = transport.terms ?? (await transport.termsFor(hop, () => sendingAddress(hop)));
    const tls = terms.tls === "offered" && terms.avoidsTlsInCallouts ? "never" : terms.tls;
    const end = await askedOver(hop, request, transport, { ...terms, tls }, around);
    if (end.tls === undefined || tls !== "offered") return end;
    if (end.tls !== "refused" && !transport.triesClear) return end;
    if (end.tls === "failed") {
      around.events.note(`${end.text}: callout unencrypted to ${hop.name} [${hop.address}] (not in hosts_require_tls)`);
    }
    return await askedOver(hop, request, transport, { ...terms, tls: "never" }, around);
  } catch (err) {
    if (!(err instanceof DeferError)) throw err;
    return unknown(err.message);
  }
}

async function askedOver(
  hop: NextHop,
  request: CalloutRequest,
  transport: SmtpTransport,
  terms: HostTerms,
  around: Around,
): Promise<CalloutEnd> {
  const { address, mailFrom, randomLocalPart, postmaster, postmasterMailFrom, connectTimeoutMs, timeoutMs } = request;
  const { startsWithTls, isLmtp } = transport;
  const { tls, heloName, interfaces, proxies } = terms;
  // Exim's log has the number only.
  if ((await around.events.connecting(hop)) !== "") return unknown(REFUSED_BY_EVENT.logged ?? "");
  const proxied =
    proxies.length === 0
      ? undefined
      : await proxiedSocket(proxies, hop, localEnd(interfaces, hop.address), connectTimeoutMs);
  if (proxied !== undefined && !("socket" in proxied)) return unknown(proxied.text);
  using connection = new CalloutConnection({
    ...{ hop, transport, terms, connectTimeoutMs, timeoutMs, proxied },
    ...around,
  });
  const problem = await connection.connected();
  if (problem !== undefined) return unknown(problem);
  const tlsProblem = startsWithTls ? await connection.startTls() : undefined;
  if (tlsProblem !== undefined) return unknown(`TLS session: ${tlsProblem}`);
  const at = `@${domainOf(address)}`;
  // Awaited here: the connection ends with this function.
  return await calloutDialogue(connection, {
    heloName,
    isLmtp,
    // It is on already.
    tls: startsWithTls ? "never" : tls,
    mailFrom,
    address,
    randomAddress: randomLocalPart === undefined ? undefined : randomLocalPart + at,
    postmasters: [
      ...(postmaster === "no" ? [] : [`postmaster${at}`]),
      ...(postmaster === "full" ? ["postmaster"] : []),
    ],
    postmasterMailFrom,
  });
}

const unknown = (text: string): CalloutEnd => ({ result: "unknown", failure: "mail", text });
