import { then } from "../../expansion/code.ts";
import { ExpansionDefer } from "../../expansion/failures.ts";
import { factOf, statusIn } from "../ask-fact.ts";
import { headerSender, recipient, sender } from "./address.ts";
import { headerNamesAscii, headerSyntax, notBlind } from "./header.ts";
import { certificate, helo, reverseHostLookup } from "./host.ts";
import type { AclVerificationName, Verification } from "./verification.ts";

/** `arc/list`: the chain of seals is in one of these states (RFC 8617). */
const arc: Verification = (run, { options }) =>
  then(factOf("arc", "", run), ({ result }) =>
    statusIn(result, options.length === 0 ? "none:pass" : options.join("/")),
  );

/** Client SMTP Authorization is no more than a draft that nobody publishes records for. */
const csa: Verification = () => {
  throw new ExpansionDefer("verify = csa is not available: nobody publishes such records");
};

/** Every type of `verify`. */
export const verifications: Readonly<Record<AclVerificationName, Verification>> = {
  arc,
  certificate,
  csa,
  header_names_ascii: headerNamesAscii,
  header_sender: headerSender,
  header_syntax: headerSyntax,
  helo,
  not_blind: notBlind,
  recipient,
  reverse_host_lookup: reverseHostLookup,
  sender,
};
