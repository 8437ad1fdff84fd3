import type { CompiledList, Expansion, Place, RouterSettings } from "@postbus/policy";
import type { Affix } from "./affixes.ts";
import type { Attempt } from "./attempt.ts";
import type { Accepted, Deferred, DriverResult, Failed } from "./driver-result.ts";
import type { SelfAction } from "./hosts/self-action.ts";
import type { Precondition } from "./preconditions/precondition.ts";

/** What a kind of router does with an address that has met its preconditions. */
export type RunDriver = (attempt: Attempt) => Promise<DriverResult>;

/** How an item of a redirect list is delivered: by the transport that is set for its kind. */
export type DeliverItem = (
  item: { readonly kind: "file" | "directory" | "pipe"; readonly text: string },
  attempt: Attempt,
  isTainted: boolean,
) => Promise<Accepted | Failed | Deferred>;

/** A boolean that may be a string to be expanded at each use. */
export type Flag = boolean | Expansion;

/** `r_name = text` */
export interface Setter {
  readonly name: string;
  readonly expansion: Expansion;
  /** The whole item, for problems. */
  readonly source: string;
}

/** A router, ready to be asked. */
export interface CompiledRouter {
  readonly name: string;
  readonly place: Place;
  readonly index: number;
  readonly settings: RouterSettings;
  /** The letters of local parts count: `caseful_local_part`. */
  readonly isCaseful: boolean;
  /** `repeat_use`: only an equal address is kept from coming by again. */
  readonly repeats: boolean;
  readonly prefix: Affix | undefined;
  readonly suffix: Affix | undefined;
  /** In the order in which they are tested. */
  readonly preconditions: readonly Precondition[];
  readonly setters: readonly Setter[];
  readonly addressData: Expansion | undefined;
  readonly cannotRouteMessage: Expansion | undefined;
  readonly errorsTo: Expansion | undefined;
  /** Lines of `headers_add`. */
  readonly headersAdd: readonly Expansion[];
  /** Items of `headers_remove`. */
  readonly headersRemove: readonly Expansion[];
  readonly transport: Expansion | undefined;
  readonly fallbackHosts: Expansion | undefined;
  readonly user: Expansion | undefined;
  readonly group: Expansion | undefined;
  /** `transport_home_directory`, `transport_current_directory` */
  readonly transportHome: Expansion | undefined;
  readonly transportDirectory: Expansion | undefined;
  readonly more: Flag;
  readonly unseen: Flag;
  readonly isLastHop: boolean;
  readonly failsVerifying: { readonly sender: boolean; readonly recipient: boolean };
  readonly ignoredHosts: CompiledList | undefined;
  readonly dnssecRequested: CompiledList | undefined;
  readonly dnssecRequired: CompiledList | undefined;
  readonly self: SelfAction;
  readonly passesOnTimeout: boolean;
  /** Failures are remembered for the whole address: `retry_use_local_part`, or because more than the domain decides. */
  readonly isRetriedByLocalPart: boolean;
  /** `same_domain_copy_routing` */
  readonly copiesToDomain: boolean;
  /** Not `disable_logging`. */
  readonly isLogged: boolean;
  /** `log_as_local` */
  readonly isLoggedAsLocal: boolean;
  /** Index of `pass_router`. */
  readonly passTo: number | undefined;
  /** Index of `redirect_router`. */
  readonly redirectTo: number | undefined;
  readonly run: RunDriver;
  /** Of a redirect router. */
  readonly deliverItem: DeliverItem | undefined;
}
