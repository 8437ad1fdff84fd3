/**
 * What an option's value is. A `*` means, as in Exim's manual, that the text is expanded when it is used; `lines*` is an
 * option that may be set several times, each text an element.
 */
export type OptionType =
  | "string"
  | "string*"
  | "lines*"
  | "boolean"
  | "boolean*"
  | "integer"
  | "integer*"
  | "octal"
  | "fixed"
  | "time"
  | "time*"
  | "time list"
  | "list"
  | "list*"
  | "domain list*"
  | "host list*"
  | "address list*"
  | "local part list*"
  | "acl*"
  | "file*"
  | "transport"
  | "transport*"
  | "user"
  | "user*"
  | "group"
  | "group*"
  | "users"
  | "groups";

/** Times are milliseconds, `fixed` is a number with up to three decimals. What may be expanded and has a `$` is text. */
export type OptionValue<T extends OptionType = OptionType> = T extends "lines*"
  ? readonly string[]
  : T extends "boolean"
    ? boolean
    : T extends "boolean*"
      ? boolean | string
      : T extends "integer" | "octal" | "fixed" | "time"
        ? number
        : T extends "integer*" | "time*"
          ? number | string
          : T extends "time list"
            ? readonly number[]
            : string;

/** Which part of the program obeys an option. */
export type OptionReader = "everywhere" | "gateway" | "router" | "delivery" | "scanner" | "logger";

export type OptionStatus =
  /** It does what Exim's manual says. */
  | { readonly kind: "supported"; readonly reader: OptionReader }
  /** Known to Exim and without meaning in a fleet: taken, with one notice for all of them. */
  | { readonly kind: "ignored" }
  /** Known to Exim, and its feature is not available here: an error that names the feature and what to do. */
  | { readonly kind: "later"; readonly what: string }
  /** Gone from Exim, or never to be offered: an error with the reason and what to use instead. */
  | { readonly kind: "refused"; readonly reason: string }
  /** Another name for other options of the same table. */
  | { readonly kind: "alias"; readonly of: readonly string[] };

/** One row of a table of options. */
export interface Option<T extends OptionType = OptionType, D = OptionValue | undefined> {
  readonly type: T;
  /** What holds if the option is not set; undefined: nothing, or it depends on other things (see `note`). */
  readonly value: D;
  readonly status: OptionStatus;
  /** For the reference page: a default that depends, where an option comes from, what is different here. */
  readonly note?: string;
  /** What the text must be besides its type. @returns what is wrong with it. */
  readonly check?: (text: string) => string | undefined;
}

export type OptionTable = Readonly<Record<string, Option>>;

type Extra = Pick<Option, "note" | "check">;

/** A row whose status is already known: its type, its default, and what else there is to say. */
type Row = <T extends OptionType, const D extends OptionValue<T> | undefined = undefined>(
  type: T,
  value?: D,
  extra?: Extra | string,
) => Option<T, D>;

function row(status: OptionStatus): Row {
  return <T extends OptionType, const D extends OptionValue<T> | undefined = undefined>(
    type: T,
    value?: D,
    extra: Extra | string = {},
  ): Option<T, D> => ({
    type,
    value: value as D,
    status,
    ...(typeof extra === "string" ? { note: extra } : extra),
  });
}

export const everywhere: Row = row({ kind: "supported", reader: "everywhere" });
export const gateway: Row = row({ kind: "supported", reader: "gateway" });
export const router: Row = row({ kind: "supported", reader: "router" });
export const delivery: Row = row({ kind: "supported", reader: "delivery" });
export const scanner: Row = row({ kind: "supported", reader: "scanner" });
export const logger: Row = row({ kind: "supported", reader: "logger" });

/** A row for an option that has no meaning here. */
export const ignored: Row = row({ kind: "ignored" });

/** A row for an option whose feature is not available. @param what The feature, and what to do: `embedded Perl; use …`. */
export function later<T extends OptionType>(type: T, what: string): Option<T, undefined> {
  return row({ kind: "later", what })(type);
}

/** A row for an option that is not taken. @param reason With what to use instead. */
export function refused<T extends OptionType>(type: T, reason: string): Option<T, undefined> {
  return row({ kind: "refused", reason })(type);
}

/** A row for another name of one or more options of the table. */
export function alias<T extends OptionType>(type: T, of: readonly string[], note?: string): Option<T, undefined> {
  return row({ kind: "alias", of })(type, undefined, note ?? {});
}

/** A check that the text is one of some words. */
export function oneOf(...words: readonly string[]): { readonly check: (text: string) => string | undefined } {
  return {
    check: (text) => (words.includes(text) ? undefined : `${words.join(", ")} is expected, not "${text}"`),
  };
}
