import assert from "node:assert/strict";
import { type SessionProfile, type SessionQuestion, sessionProfile } from "@postbus/smtp";
import { Chance } from "./chance.ts";
import { dialogue } from "./dialogue.ts";
import type { FuzzTarget } from "./fuzz-target.ts";
import { hold, type SessionOptions, type Transcript } from "./session-owner.ts";
import { checkWire } from "./wire-check.ts";

const QUESTIONS: readonly SessionQuestion[] = ["helo", "vrfy", "expn", "etrn", "quit", "reset"];

/** Longer than any that is made. */
const LONG_HEADER = 10_000;

/** Whole sessions: commands in every order and condition, most messages by DATA. */
export const commandSessions: FuzzTarget = {
  name: "command parser",
  shortCount: 8_000,
  tryOne: (chance) => trySession(chance, false),
};

/** The same, with messages by BDAT (RFC 3030). */
export const chunkSessions: FuzzTarget = {
  name: "BDAT state machine",
  shortCount: 8_000,
  tryOne: (chance) => trySession(chance, true),
};

function trySession(chance: Chance, chunks: boolean): void {
  const options = optionsBy(chance, chunks);
  const groups = dialogue(chance, chunks);
  const transcript = hold(
    groups.flatMap((group) => chance.pieces(group)),
    options,
  );
  const rules = {
    messageSizeLimit: options.profile.messageSizeLimit,
    linesOnly: options.lacksProxyHeader,
    greetsAfterTls: options.isTlsFirst,
  };
  try {
    checkWire(transcript, rules);
    if (!options.echoes) assert.match(transcript.replies, /^[\t\r\n -~]*$/, "only printable octets");
    if (isCutAnyhow(options, groups)) {
      const other = hold(
        groups.flatMap((group) => chance.pieces(group)),
        options,
      );
      assert.deepEqual(outcome(other), outcome(transcript), "however it is cut");
    }
  } catch (err) {
    if (err instanceof Error) err.message += `\nsent: ${JSON.stringify(groups)}\nreplies: ${transcript.replies}`;
    throw err;
  }
}

/**
 * Whether how the octets are cut makes no difference. It may where sending ahead is a fault, and where a first line is too
 * long for a header section before it is known whether it belongs to one.
 */
const isCutAnyhow = ({ isMoody, profile }: SessionOptions, groups: readonly string[]): boolean =>
  !isMoody &&
  profile.enforcesSync === false &&
  profile.headerMaxOctets === LONG_HEADER &&
  !/STARTTLS/i.test(groups.join(""));

/** Which of several faults of one message is found first may depend on it. */
const outcome = ({ replies, messages, isClosed }: Transcript): unknown => ({
  codes: (replies.match(/^[0-9]{3} /gm) ?? []).map((code) => code.replace(/55[02]/, "55x")),
  messages,
  isClosed,
});

function optionsBy(chance: Chance, chunks: boolean): SessionOptions {
  return {
    profile: profileOf(chance.integer(PROFILES), chunks),
    isTlsFirst: chance.oneIn(20),
    lacksProxyHeader: chance.oneIn(30),
    echoes: chance.oneIn(4),
    seed: chance.integer(2 ** 31),
    isMoody: chance.oneIn(4),
  };
}

/** To make one takes longer than to use it. */
const PROFILES = 300;
const made = new Map<string, SessionProfile>();

const profileOf = (number: number, chunks: boolean): SessionProfile =>
  made.getOrInsertComputed(`${number} ${chunks}`, () => newProfile(new Chance(number), chunks));

function newProfile(chance: Chance, chunks: boolean): SessionProfile {
  const isTolerant = chance.oneIn(2);
  return sessionProfile({
    hostname: "mx.test",
    messageSizeLimit: chance.pick([0, 100, 100_000]),
    recipientsMax: chance.pick([0, 2, 100]),
    mailMax: chance.pick([0, 0, 2]),
    receivedHeadersMax: chance.pick([1, 30]),
    headerMaxOctets: chance.pick([60, LONG_HEADER]),
    maxSyntaxErrors: isTolerant ? 50 : 3,
    maxUnknownCommands: isTolerant ? 50 : 3,
    maxNonmail: isTolerant ? 100 : 2,
    acceptsLiterals: chance.oneIn(2),
    offersTls: chance.oneIn(2),
    offersStatus: chance.oneIn(2),
    enforcesSync: chance.oneIn(2),
    offers: {
      pipelining: !chance.oneIn(4),
      chunking: chunks || chance.oneIn(2),
      dsn: chance.oneIn(2),
      smtpUtf8: chance.oneIn(2),
      limits: chance.oneIn(2),
      prdr: chance.oneIn(2),
    },
    asks: new Set(QUESTIONS.filter(() => chance.oneIn(2))),
  });
}
