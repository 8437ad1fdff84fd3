import { ExpansionFailure } from "../failures.ts";
import { mailboxes, parseMailbox } from "../mailbox.ts";
import type { PureOperator } from "../operator.ts";

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
export const addresses: PureOperator = {
  name: "addresses",
  apply(subject) {
    const [, chosen, rest = subject] = /^\s*>([\s\S]?)([\s\S]*)$/.exec(subject) ?? [];
    if (chosen === "") {
      throw new ExpansionFailure(`output separator missing in expanding \${addresses:${subject}}`);
    }
    const separator = chosen ?? ":";
    const found: string[] = [];
    for (const mailbox of mailboxes(rest)) {
      const parsed = parseMailbox(mailbox)?.address ?? "";
      if (parsed !== "") found.push(parsed.replaceAll(separator, separator + separator));
    }
    return found.join(separator);
  },
};
