import type { BmiSetup } from "@postbus/contracts";
import type { authenticatorOptions } from "../options/authenticators/generic.ts";
import type { authenticatorDrivers } from "../options/authenticators/index.ts";
import type { DriverTable } from "../options/driver-table.ts";
import type { MainOptions } from "../options/main/index.ts";
import type { OptionTable } from "../options/option.ts";
import type { routerOptions } from "../options/routers/generic.ts";
import type { routerDrivers } from "../options/routers/index.ts";
import type { transportOptions } from "../options/transports/generic.ts";
import type { transportDrivers } from "../options/transports/index.ts";
import type { Acl } from "./acl-statement.ts";
import type { NamedList, NamedListKind } from "./named-lists.ts";
import type { OptionSet } from "./option-set.ts";
import type { Place } from "./problem.ts";
import type { RetryRule } from "./retry-rule.ts";
import type { RewriteRule } from "./rewrite-rule.ts";
import type { SourceFile } from "./source-files.ts";

/** A driver of one kind, its options typed: `kind` says which. */
type DriverOf<G extends OptionTable, K extends Readonly<Record<string, DriverTable>>> = {
  readonly [Kind in keyof K & string]: {
    readonly name: string;
    readonly kind: Kind;
    readonly place: Place;
    readonly options: OptionSet<G & K[Kind]["options"]>;
    /** The same, for those who look at what all kinds have. */
    readonly generic: OptionSet<G>;
  };
}[keyof K & string];

export type RouterSettings = DriverOf<typeof routerOptions, typeof routerDrivers>;
export type TransportSettings = DriverOf<typeof transportOptions, typeof transportDrivers>;
export type AuthenticatorSettings = DriverOf<typeof authenticatorOptions, typeof authenticatorDrivers>;

/** A configuration as it was read: typed, complete, each thing with its place, nothing expanded. Immutable. */
export interface Configuration {
  /** Of everything that was read and given: equal ones are equal configurations. */
  readonly version: string;
  /** Every file that was read, or looked for in vain; when one changes, the configuration may be another. */
  readonly files: readonly SourceFile[];
  /** Macros at the end of the file, for those who read further lines as if they stood there. */
  readonly macros: ReadonlyMap<string, string>;
  readonly main: OptionSet<MainOptions>;
  readonly namedLists: Readonly<Record<NamedListKind, ReadonlyMap<string, NamedList>>>;
  readonly acls: ReadonlyMap<string, Acl>;
  /** In the order in which an address meets them. */
  readonly routers: readonly RouterSettings[];
  readonly transports: ReadonlyMap<string, TransportSettings>;
  readonly authenticators: readonly AuthenticatorSettings[];
  readonly retry: readonly RetryRule[];
  readonly rewrite: readonly RewriteRule[];
  /** What the file says that `bmi_config_file` names; absent: it is not there, or no ACL says `bmi_run`. */
  readonly bmi?: BmiSetup;
}
