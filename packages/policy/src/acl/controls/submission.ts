import { ExpansionFailure } from "../../expansion/failures.ts";
import type { Submission } from "../../submission/submitted-header.ts";
import type { Control } from "./control.ts";

/** One option, and what follows. A name is the last one: it may hold slashes. */
const OPTION = /^\/(?:(sender_retain)(?![^/])|domain=([^/]*)|name=([\s\S]*))/;

/** The client is a user's program: the message is completed, and its sender made to be that user (RFC 6409). As in Exim, what was said before stays where it is not said anew. */
export const submission: Control = ({ session }, options) => {
  const { controls } = session.message;
  const found: { -readonly [K in keyof Submission]: Submission[K] } = { keepsSender: false, ...controls.submission };
  let rest = options === undefined ? "" : `/${options}`;
  while (rest !== "") {
    const [whole, retain, domain, name] = OPTION.exec(rest) ?? [];
    if (whole === undefined) throw new ExpansionFailure(`syntax error in "control=submission/${options}"`);
    if (retain !== undefined) found.keepsSender = true;
    if (domain !== undefined) found.domain = domain;
    if (name !== undefined) found.name = name;
    rest = rest.slice(whole.length);
  }
  controls.submission = found;
};
