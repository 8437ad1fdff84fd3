import { forEach, then } from "../code.ts";
import { ExpansionFailure } from "../failures.ts";
import { mailboxes, parseMailbox } from "../mailbox.ts";
import type { PureOperator, StateOperator } from "../operator.ts";
import { derived, textOf } from "../value.ts";

/** `${address:Ann <ann@x.example>}` → `ann@x.example`; empty if it is no mailbox (RFC 5322 §3.4). */
export const address: PureOperator = { name: "address", apply: (subject) => parseMailbox(subject)?.address ?? "" };

/** `${local_part:Ann <ann@x.example>}` → `ann`. */
export const localPart: PureOperator = {
  name: "local_part",
  apply: (subject) => parseMailbox(subject)?.localPart ?? "",
};

/** `${domain:Ann <ann@x.example>}` → `x.example`. */
export const domain: PureOperator = { name: "domain", apply: (subject) => parseMailbox(subject)?.domain ?? "" };

/** `${addresses:Ann <ann@x.example>, bob@x.example}` → a list of the addresses; what is no mailbox is left out. */
export const addresses: StateOperator = {
  name: "addresses",
  run(subject, _argument, evaluation) {
    const text = textOf(subject);
    const [, chosen, rest = text] = /^[\t-\r ]*>([\s\S]?)([\s\S]*)$/.exec(text) ?? [];
    if (chosen === "") {
      throw new ExpansionFailure(`output separator missing in expanding \${addresses:${text}}`);
    }
    const separator = chosen ?? ":";
    const found: string[] = [];
    const read = forEach(mailboxes(rest), evaluation, (mailbox): undefined => {
      evaluation.spend(mailbox.length * STEPS_PER_OCTET);
      const parsed = parseMailbox(mailbox)?.address ?? "";
      if (parsed !== "") found.push(parsed.replaceAll(separator, separator + separator));
    });
    return then(read, () => derived(subject, found.join(separator)));
  },
};

const STEPS_PER_OCTET = 4;
