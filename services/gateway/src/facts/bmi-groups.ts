import {
  type BmiGroup,
  type BmiSetup,
  type BmiTask,
  decodeBmiVerdict,
  encodeBmiVerdict,
  groupByProfile,
} from "@postbus/contracts";
import { DeferError } from "@postbus/mail";

/** Of the recipients in one question: it must fit into a message of the bus, beside content and header section. */
const MAX_RECIPIENT_OCTETS = 192 * 1024;
/** Ways of looking at one message: each costs a question to every engine, and the client waits for all. */
const MAX_PROFILES = 256;
/** What JSON puts around an address and its string. */
const AROUND_ADDRESS = 40;

/**
 * A message's recipients as engines are asked about them: one question, however many they are. Those who share a profile have one
 * verdict, so that of very many the first stand for the others.
 */
export class BmiGroups {
  readonly #setup: BmiSetup;
  readonly #groups: readonly BmiGroup[];
  /** Opt-in strings that no profile has. */
  readonly unknown: readonly string[];

  /** @throws {DeferError} they want more ways of looking at the message than there may be. */
  constructor(setup: BmiSetup, recipients: BmiTask["recipients"]) {
    const { groups, unknown } = groupByProfile(setup, recipients);
    if (groups.length > MAX_PROFILES)
      throw new DeferError("bmi", `${groups.length} profiles for one message (at most ${MAX_PROFILES})`);
    this.#setup = setup;
    this.#groups = groups;
    this.unknown = unknown;
  }

  /** Of the profiles, those that come up, each with a string of its own in place of what recipients have opted in with. */
  task(): BmiTask {
    const profiles = this.#groups.map(({ profile }, i) => ({ ...profile, optin: [String(i)] }));
    const recipients = this.#groups.flatMap((group, i) =>
      this.#named(group).map((address) => ({ address, optin: [String(i)] })),
    );
    return { engine: "bmi", setup: { ...this.#setup, profiles }, recipients };
  }

  /** The verdicts for all of them. @param verdicts Those about the recipients of the task. */
  expanded(verdicts: readonly string[]): readonly string[] {
    const standFor = new Map<string, readonly string[]>();
    let isAll = true;
    for (const group of this.#groups) {
      const named = this.#named(group);
      const [first = ""] = named;
      isAll &&= named.length === group.recipients.length;
      for (const address of named) standFor.set(address, address === first ? group.recipients : []);
    }
    if (isAll) return verdicts;
    return verdicts.flatMap((encoded) => {
      const verdict = decodeBmiVerdict(encoded);
      if (verdict === undefined) return [];
      return [encodeBmiVerdict({ ...verdict, r: verdict.r.flatMap((address) => standFor.get(address) ?? [address]) })];
    });
  }

  /** As many of a group as there is room for: each group has the same share of it. */
  #named({ recipients }: BmiGroup): readonly string[] {
    let left = MAX_RECIPIENT_OCTETS / this.#groups.length;
    let count = 0;
    for (const address of recipients) {
      left -= address.length + AROUND_ADDRESS;
      if (left < 0 && count > 0) break;
      count++;
    }
    return recipients.slice(0, count);
  }
}
