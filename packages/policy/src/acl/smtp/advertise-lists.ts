import { type Eventual, then } from "../../expansion/code.ts";
import { type CompiledList, compileList } from "../../matching/compile-list.ts";
import type { Configuration } from "../../reader/configuration.ts";
import type { AclSession } from "../session.ts";
import { isClientIn } from "./is-client-in.ts";

/** Extensions of SMTP, and the list of the hosts to which each is offered (Exim's manual, "Main configuration"). */
const OPTIONS = {
  pipelining: "pipelining_advertise_hosts",
  chunking: "chunking_advertise_hosts",
  dsn: "dsn_advertise_hosts",
  smtpUtf8: "smtputf8_advertise_hosts",
  limits: "limits_advertise_hosts",
  requireTls: "tls_advertise_requiretls",
} as const;

type Extension = keyof typeof OPTIONS;

/** Whether each extension is offered. */
export type Offers = Readonly<Record<Extension, boolean>>;

/** The `…_advertise_hosts` of the main section, compiled. As in Exim, a client is looked for in them at each EHLO. */
export class AdvertiseLists {
  /** What lists say that are the same for all: everybody, or nobody. What the others are about is not in it. */
  readonly forAll: Offers;
  readonly #lists: readonly (readonly [extension: Extension, list: CompiledList])[];

  constructor({ main }: Pick<Configuration, "main">) {
    const lists: [Extension, CompiledList][] = [];
    const settled = (extension: Extension): boolean => {
      const text = main.get(OPTIONS[extension])?.trim() ?? "";
      if (text !== "" && text !== "*") lists.push([extension, compileList("host", text)]);
      return text === "*";
    };
    this.forAll = {
      pipelining: settled("pipelining"),
      chunking: settled("chunking"),
      dsn: settled("dsn"),
      smtpUtf8: settled("smtpUtf8"),
      limits: settled("limits"),
      requireTls: settled("requireTls"),
    };
    this.#lists = lists;
  }

  /** Whether nobody needs to be looked for. */
  get areSettled(): boolean {
    return this.#lists.length === 0;
  }

  /** Finds out what the client is offered. What cannot be decided is not offered, but for REQUIRETLS, which protects. */
  consult(session: AclSession): Eventual<void> {
    if (this.areSettled) return undefined;
    session.connection.offers = {};
    return this.#consultFrom(0, session);
  }

  #consultFrom(index: number, session: AclSession): Eventual<void> {
    const [extension, list] = this.#lists[index] ?? [];
    if (extension === undefined) return undefined;
    return then(isClientIn(list, session, false, extension === "requireTls"), (isOffered) => {
      session.connection.offers = { ...session.connection.offers, [extension]: isOffered };
      return this.#consultFrom(index + 1, session);
    });
  }
}
