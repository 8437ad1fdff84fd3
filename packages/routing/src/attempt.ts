import type { Evaluation, Expansion, Value } from "@postbus/policy";
import type { Account } from "./accounts.ts";
import type { StrippedLocalPart } from "./affixes.ts";
import type { CompiledRouter } from "./compiled-router.ts";
import { type Expanded, expand } from "./expand.ts";
import type { Inherited, RoutedAddress } from "./routed-address.ts";
import type { RoutingRun } from "./routing-run.ts";

/** One address at one router: what its preconditions have found out, for those that follow and for its driver. */
export class Attempt {
  readonly run: RoutingRun;
  readonly router: CompiledRouter;
  readonly address: RoutedAddress;
  readonly local: StrippedLocalPart;
  /** What the address brought along. */
  readonly before: Inherited;
  /** `$domain_data` */
  domainData: Value | undefined;
  /** `$local_part_data` */
  localPartData: Value | undefined;
  /** `$sender_data` */
  senderData: Value | undefined;
  /** Of `check_local_user`. */
  account: Account | undefined;
  /** `$home` */
  home: Value | undefined;
  /** `$address_file` or `$address_pipe`, while a transport is chosen for it. */
  item: { readonly name: "address_file" | "address_pipe"; readonly value: Value } | undefined;

  constructor(run: RoutingRun, router: CompiledRouter, address: RoutedAddress, local: StrippedLocalPart) {
    this.run = run;
    this.router = router;
    this.address = address;
    this.local = local;
    this.before = address.inherited;
  }

  get evaluation(): Evaluation {
    return this.run.evaluation;
  }

  expand(expansion: Expansion): Expanded | Promise<Expanded> {
    return expand(expansion, this.evaluation);
  }
}
