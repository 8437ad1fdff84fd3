import type { OptionSet } from "../reader/option-set.ts";
import type { OptionStatus, OptionTable } from "./option.ts";

/** What a driver's own rules may look at, when all of its options are read. */
export interface DriverRules {
  readonly options: OptionSet<OptionTable>;
  /** Reports what is wrong. */
  readonly error: (text: string) => void;
}

/** A kind of router, transport or authenticator. */
export interface DriverTable<T extends OptionTable = OptionTable> {
  /** The options that it has besides the generic ones. */
  readonly options: T;
  readonly status: OptionStatus;
  /** Rules on more than one option. */
  readonly check?: (rules: DriverRules) => void;
}
