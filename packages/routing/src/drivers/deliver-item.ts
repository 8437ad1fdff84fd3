import { type RouterSettings, Tainted } from "@postbus/policy";
import { accepted } from "../accepted.ts";
import type { Attempt } from "../attempt.ts";
import { chosenTransport } from "../chosen-transport.ts";
import type { DeliverItem } from "../compiled-router.ts";
import type { Accepted, Deferred, Failed } from "../driver-result.ts";
import { flagValue } from "../flag.ts";
import { compileRedirectOptions, type RedirectOptions } from "./redirect-options.ts";

type Item = Parameters<DeliverItem>[0];
type Settings = Extract<RouterSettings, { kind: "redirect" }>;

/** `file_transport`, `directory_transport`, `pipe_transport` (Exim's manual, "The redirect router"). */
export function compileDeliverItem(settings: Settings): DeliverItem {
  const options = compileRedirectOptions(settings);
  return async (item, attempt, isTainted) => {
    const forbidden = await isForbidden(item.kind, attempt, options);
    return typeof forbidden === "object" ? forbidden : deliverItem(item, attempt, options, { isTainted, forbidden });
  };
}

/** `forbid_pipe`, `forbid_file` */
export function isForbidden(
  kind: Item["kind"],
  attempt: Attempt,
  { forbidsPipe, forbidsFile }: RedirectOptions,
): boolean | Promise<boolean | Deferred> {
  if (kind === "pipe") return flagValue(forbidsPipe, attempt, "forbid_pipe", false);
  return flagValue(forbidsFile, attempt, "forbid_file", false);
}

/** The transport that is set for an item of a list. `isTainted`: a peer has had a part in the list. */
export async function deliverItem(
  { kind, text }: Item,
  attempt: Attempt,
  options: RedirectOptions,
  { isTainted, forbidden }: { readonly isTainted: boolean; readonly forbidden: boolean },
): Promise<Accepted | Failed | Deferred> {
  const name = `${kind}_transport` as const;
  const expansion = {
    file_transport: options.fileTransport,
    directory_transport: options.directoryTransport,
    pipe_transport: options.pipeTransport,
  }[name];
  attempt.item = {
    name: kind === "pipe" ? "address_pipe" : "address_file",
    value: isTainted ? new Tainted(text) : text,
  };
  try {
    const transport = await chosenTransport(attempt, expansion, name);
    if (transport.kind === "deferred") return transport;
    if (forbidden) return { kind: "failed", text: `delivery to ${kind === "pipe" ? "pipe" : "file"} forbidden` };
    return await accepted(attempt, transport);
  } finally {
    attempt.item = undefined;
  }
}
