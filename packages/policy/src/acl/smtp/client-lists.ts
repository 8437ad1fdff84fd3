import { type Eventual, then } from "../../expansion/code.ts";
import { type CompiledList, compileList } from "../../matching/compile-list.ts";
import type { Configuration } from "../../reader/configuration.ts";
import type { AclSession } from "../session.ts";
import { lookUpHostName } from "./host-name.ts";
import { isClientIn } from "./is-client-in.ts";

/** The host lists of the main section that are about what a client may do, compiled. Undefined: the usual holds for all. */
export interface ClientLists {
  readonly hostLookup: CompiledList | undefined;
  readonly unqualifiedSenders: CompiledList | undefined;
  readonly unqualifiedRecipients: CompiledList | undefined;
  readonly limitedNonmail: CompiledList | undefined;
  readonly xclient: CompiledList | undefined;
  readonly tlsOffered: CompiledList | undefined;
}

/** @returns undefined: none is set. */
export function clientLists({ main }: Pick<Configuration, "main">): ClientLists | undefined {
  const list = (text: string | undefined, usual = ""): CompiledList | undefined =>
    text === undefined || text.trim() === usual ? undefined : compileList("host", text);
  const lists: ClientLists = {
    hostLookup: list(main.get("host_lookup")),
    unqualifiedSenders: list(main.get("sender_unqualified_hosts")),
    unqualifiedRecipients: list(main.get("recipient_unqualified_hosts")),
    limitedNonmail: list(main.get("smtp_accept_max_nonmail_hosts"), "*"),
    xclient: list(main.get("hosts_xclient")),
    tlsOffered: list(main.get("tls_advertise_hosts"), "*"),
  };
  return Object.values(lists).every((one) => one === undefined) ? undefined : lists;
}

/** Finds out what the lists say of the client that has connected, its name first: the others may be about that. */
export function consultClientLists(lists: ClientLists, session: AclSession): Eventual<void> {
  const { connection } = session;
  return then(isClientIn(lists.hostLookup, session), (isWanted) =>
    then(isWanted ? lookUpHostName(session) : undefined, () =>
      then(isClientIn(lists.unqualifiedSenders, session), (mayOmitSender) =>
        then(isClientIn(lists.unqualifiedRecipients, session), (mayOmitRecipient) =>
          then(isClientIn(lists.limitedNonmail, session, true), (isLimited) =>
            then(isClientIn(lists.xclient, session), (mayXclient) =>
              then(isClientIn(lists.tlsOffered, session, true, true), (isTlsOffered) => {
                connection.mayOmitSenderDomain = mayOmitSender;
                connection.mayOmitRecipientDomain = mayOmitRecipient;
                connection.isNonmailLimited = isLimited;
                connection.mayXclient = mayXclient;
                connection.isTlsOffered = isTlsOffered;
              }),
            ),
          ),
        ),
      ),
    ),
  );
}
