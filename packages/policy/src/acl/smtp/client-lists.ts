import { type Eventual, then } from "../../expansion/code.ts";
import { type CompiledList, compileList } from "../../matching/compile-list.ts";
import type { Configuration } from "../../reader/configuration.ts";
import type { AclSession } from "../session.ts";
import type { SmtpConnection } from "./connection.ts";
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
  readonly junkHelo: CompiledList | undefined;
  readonly speaksFirst: CompiledList | undefined;
  readonly refused: CompiledList | undefined;
  readonly requiresHello: CompiledList | undefined;
  readonly requiresGoodHello: CompiledList | undefined;
}

/** @returns undefined: none is set. */
export function clientLists({ main }: Pick<Configuration, "main">): ClientLists | undefined {
  const list = (text: string | undefined, usual = ""): CompiledList | undefined =>
    text === undefined || text.trim() === usual ? undefined : compileList("host", text);
  const requiresHello = list(main.get("hosts_require_helo"), "*");
  const lists: ClientLists = {
    hostLookup: list(main.get("host_lookup")),
    unqualifiedSenders: list(main.get("sender_unqualified_hosts")),
    unqualifiedRecipients: list(main.get("recipient_unqualified_hosts")),
    limitedNonmail: list(main.get("smtp_accept_max_nonmail_hosts"), "*"),
    xclient: list(main.get("hosts_xclient")),
    tlsOffered: list(main.get("tls_advertise_hosts"), "*"),
    junkHelo: list(main.get("helo_accept_junk_hosts")),
    // Exim's default is everybody; here who speaks before the greeting is turned away, unless the file says otherwise.
    speaksFirst: list(main.get("pipelining_connect_advertise_hosts")),
    refused: list(main.get("host_reject_connection")),
    requiresHello,
    // Whose name has to be verified has to say one, but that is known without the list as long as all have to.
    requiresGoodHello: requiresHello === undefined ? undefined : list(main.get("helo_verify_hosts")),
  };
  return Object.values(lists).every((one) => one === undefined) ? undefined : lists;
}

/** Finds out what the lists say of the client that has connected, its name first: the others may be about that. */
export function consultClientLists(lists: ClientLists, session: AclSession): Eventual<void> {
  return then(isClientIn(lists.hostLookup, session), (isWanted) =>
    then(isWanted ? lookUpHostName(session) : undefined, () => consultFrom(0, lists, session)),
  );
}

function consultFrom(index: number, lists: ClientLists, session: AclSession): Eventual<void> {
  const question = QUESTIONS[index];
  if (question === undefined) return undefined;
  const { list, usual = false, undecided = false, note } = question;
  return then(isClientIn(lists[list], session, usual, undecided), (isIn) => {
    note(session.connection, isIn);
    return consultFrom(index + 1, lists, session);
  });
}

/** One list about a client. */
interface Question {
  readonly list: Exclude<keyof ClientLists, "hostLookup">;
  /** Without the list. */
  readonly usual?: boolean;
  /** What holds if it cannot be decided. */
  readonly undecided?: boolean;
  note(connection: SmtpConnection, isIn: boolean): void;
}

const QUESTIONS: readonly Question[] = [
  {
    list: "unqualifiedSenders",
    note(connection, isIn) {
      connection.mayOmitSenderDomain = isIn;
    },
  },
  {
    list: "unqualifiedRecipients",
    note(connection, isIn) {
      connection.mayOmitRecipientDomain = isIn;
    },
  },
  {
    list: "limitedNonmail",
    usual: true,
    note(connection, isIn) {
      connection.isNonmailLimited = isIn;
    },
  },
  {
    list: "xclient",
    note(connection, isIn) {
      connection.mayXclient = isIn;
    },
  },
  {
    list: "tlsOffered",
    usual: true,
    undecided: true,
    note(connection, isIn) {
      connection.isTlsOffered = isIn;
    },
  },
  {
    list: "junkHelo",
    note(connection, isIn) {
      connection.mayGreetWithJunk = isIn;
    },
  },
  {
    list: "speaksFirst",
    note(connection, isIn) {
      connection.maySpeakFirst = isIn;
    },
  },
  {
    list: "refused",
    note(connection, isIn) {
      connection.isRefused = isIn;
    },
  },
  {
    list: "requiresHello",
    usual: true,
    undecided: true,
    note(connection, isIn) {
      connection.mayOmitHello = !isIn;
    },
  },
  {
    list: "requiresGoodHello",
    undecided: true,
    note(connection, isIn) {
      connection.mayOmitHello &&= !isIn;
    },
  },
];
