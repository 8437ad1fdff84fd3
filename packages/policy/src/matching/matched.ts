import type { Value } from "../expansion/value.ts";

/** A list says yes. That it says no is `undefined`; that nobody can say now is an `ExpansionDefer`, thrown. */
export interface Matched {
  /**
   * What `$domain_data`, `$local_part_data`, `$host_data`, `$sender_data` or `$recipient_data` becomes: the result of a
   * lookup, or the item, both trusted. Undefined: the list decided without one (a negated item was the last).
   */
  readonly data: Value | undefined;
  /** What `$0`, `$1`, … become; undefined: they stay as they are. */
  readonly captures?: readonly Value[] | undefined;
}

/** A promise only where something has to be waited for: a lookup, the DNS. */
export type Answer = Matched | undefined | Promise<Matched | undefined>;
