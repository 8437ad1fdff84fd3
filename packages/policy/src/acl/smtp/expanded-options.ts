import { type Eventual, then } from "../../expansion/code.ts";
import { compileExpansion } from "../../expansion/compile-expansion.ts";
import type { Expansion } from "../../expansion/expansion.ts";
import { ForcedFailure, failureText } from "../../expansion/failures.ts";
import { textOf, type Value } from "../../expansion/value.ts";
import type { Configuration } from "../../reader/configuration.ts";
import { readInteger, readTime } from "../../reader/option-value.ts";
import { ValueError } from "../../reader/value-error.ts";
import type { AclSession } from "../session.ts";

/** What options that are expanded for each client say of one. What is absent is as for all. */
export interface ClientTerms {
  /** `smtp_active_hostname` */
  hostname?: string;
  /** `smtp_banner`, without a code. */
  banner?: readonly [string, ...string[]];
  /** `message_size_limit`, octets. */
  messageSizeLimit?: number;
  /** `recipients_max` */
  recipientsMax?: number;
  /** `smtp_accept_max_per_connection` */
  mailMax?: number;
  /** `smtp_receive_timeout` */
  receiveTimeoutMs?: number;
}

/** In the order in which they are expanded: the banner may show the name. */
const OPTIONS = {
  smtp_active_hostname: (text, terms) => {
    if (text !== "") terms.hostname = text;
  },
  message_size_limit: (text, terms) => {
    terms.messageSizeLimit = natural(text);
  },
  recipients_max: (text, terms) => {
    terms.recipientsMax = natural(text);
  },
  smtp_accept_max_per_connection: (text, terms) => {
    terms.mailMax = natural(text);
  },
  smtp_receive_timeout: (text, terms) => {
    terms.receiveTimeoutMs = readTime(text);
  },
  smtp_banner: (text, terms) => {
    const [first = "", ...rest] = text.replace(/[\t-\r ]+$/, "").split("\n");
    terms.banner = [first, ...rest];
  },
} as const satisfies Readonly<Record<string, (text: string, terms: ClientTerms) => void>>;

type Name = keyof typeof OPTIONS;

/** Options of the main section that may say something else of each client, compiled. */
export class ExpandedOptions {
  readonly #options: readonly (readonly [name: Name, expansion: Expansion])[];

  constructor({ main }: Pick<Configuration, "main">) {
    this.#options = (Object.keys(OPTIONS) as Name[]).flatMap((name) => {
      const text = main.setting(name) === undefined ? undefined : main.get(name);
      return typeof text === "string" ? [[name, compileExpansion(text)] as const] : [];
    });
  }

  get areNone(): boolean {
    return this.#options.length === 0;
  }

  /** Finds out the client's terms. @returns Why they cannot be found out, for the log; undefined: they are known. */
  settle(session: AclSession): Eventual<string | undefined> {
    session.connection.terms = {};
    return this.#settleFrom(0, session);
  }

  #settleFrom(index: number, session: AclSession): Eventual<string | undefined> {
    const option = this.#options[index];
    if (option === undefined) return undefined;
    const [name, expansion] = option;
    return then(expanded(name, expansion, session), (problem) => problem ?? this.#settleFrom(index + 1, session));
  }
}

function expanded(name: Name, expansion: Expansion, session: AclSession): Eventual<string | undefined> {
  const take = (value: Value): string | undefined => {
    try {
      OPTIONS[name](textOf(value), session.connection.terms);
      return undefined;
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      return `invalid ${name}: ${error.message}`;
    }
  };
  const fail = (error: unknown): string | undefined => {
    // As if it were not set.
    if (error instanceof ForcedFailure) return undefined;
    const reason = failureText(error);
    if (reason === undefined) throw error;
    return `failed to expand ${name}: ${reason}`;
  };
  try {
    const value = expansion.run(session.evaluation);
    return value instanceof Promise ? value.then(take, fail) : take(value);
  } catch (error) {
    return fail(error);
  }
}

/** @throws {ValueError} */
function natural(text: string): number {
  const number = readInteger(text.trim());
  if (number < 0) throw new ValueError(`a number is expected that is not negative, not "${text}"`);
  return number;
}
