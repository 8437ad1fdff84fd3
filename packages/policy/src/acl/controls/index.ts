import type { AclControlName } from "../../options/acl/controls.ts";
import type { Control } from "./control.ts";
import { fakedefer, fakereject } from "./fake.ts";
import { flags } from "./flags.ts";
import { debug, dscp, utf8Downconvert } from "./packets-and-addresses.ts";
import { cutthroughDelivery, freeze, queue } from "./queueing.ts";
import { submission } from "./submission.ts";

/** Every control, by its present name. */
export const controls: Readonly<Record<AclControlName, Control>> = {
  ...flags,
  cutthrough_delivery: cutthroughDelivery,
  debug,
  dscp,
  fakedefer,
  fakereject,
  freeze,
  queue,
  queue_only: queue,
  submission,
  utf8_downconvert: utf8Downconvert,
};
