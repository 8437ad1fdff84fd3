import { formatReply, type Reply, reply } from "@postbus/mail";
import { isHeloName } from "../helo-name.ts";
import type { SessionCore } from "../session-core.ts";
import type { SessionStep } from "../session-step.ts";
import { XCLIENT_ATTRIBUTES } from "../xclient.ts";

/** HELO and EHLO. */
export function hello(core: SessionCore, verb: "EHLO" | "HELO", argument: string): SessionStep | undefined {
  if (!isTaken(core, argument)) {
    const answer = reply(501, "5.5.4", `Syntactically invalid ${verb} argument(s)`);
    // As in Exim, without another word.
    if (core.limits.syntaxError()) return core.close(answer);
    core.say(answer);
    core.refused = { kind: "refused", stage: "session", reply: answer, command: core.line };
    return undefined;
  }
  // What the client may do is known from the reply only (RFC 2920 §3.1), so nothing may have been sent behind it.
  if (core.isAheadOfHello) return core.outOfSync();
  core.greeted = [core.helo, core.isExtended, core.hasGreeted];
  core.helo = argument;
  core.hasGreeted = true;
  core.isExtended = verb === "EHLO";
  if (core.asks("helo")) {
    return core.ask({ kind: "helo", name: argument, isExtended: core.isExtended }, "helo asked");
  }
  return greet(core, undefined);
}

const isTaken = ({ standing, profile }: SessionCore, name: string): boolean =>
  isHeloName(name, profile.heloCharacters) || (standing.mayGreetWithJunk && name.length <= MAX_JUNK_OCTETS);

/** Of a client that may call itself as it likes, or not at all. */
const MAX_JUNK_OCTETS = 255;

/** @param answer Its first line stands for ours: in the others, clients look for extensions. */
export function greet(core: SessionCore, answer: Reply | undefined): undefined {
  const { standing, isExtended } = core;
  // RFC 5321 §4.1.4: EHLO in mid-session resets as RSET does.
  core.transaction = undefined;
  core.sameRefusal = undefined;
  const { hostname, extensions, offers } = core.profile;
  const separator = isExtended ? "-" : " ";
  const usual = `${hostname} Hello ${standing.name || core.helo} [${core.clientAddress}]`;
  const line = formatReply({ code: answer?.code ?? 250, lines: [answer?.lines[0] ?? usual] });
  core.output += `${line.slice(0, 3)}${separator}${line.slice(4)}`;
  if (!isExtended) return;
  if (standing.mayXclient) core.output += `250-XCLIENT ${XCLIENT_ATTRIBUTES}\r\n`;
  core.offers = { ...offers, ...standing.offers };
  // RFC 8689 §2: nobody is to ask for protection in the clear.
  if (!core.isTls) core.offers = { ...core.offers, requireTls: false };
  if (standing.maySpeakFirst) core.offers = { ...core.offers, pipeConnect: true };
  if (standing.isPipeliningOff) core.offers = { ...core.offers, pipelining: false, pipeConnect: false };
  // RFC 3207 §4.2: STARTTLS is not to be offered again.
  core.output += extensions.for(core.offers, core.offersTls, standing.mechanisms);
}
