import { type RouterSettings, Tainted } from "@postbus/policy";
import { accepted } from "../accepted.ts";
import type { Attempt } from "../attempt.ts";
import { chosenTransport } from "../chosen-transport.ts";
import type { DeliverItem } from "../compiled-router.ts";
import type { Accepted, Deferred } from "../driver-result.ts";
import { compileRedirectOptions, type RedirectOptions } from "./redirect-options.ts";

type Settings = Extract<RouterSettings, { kind: "redirect" }>;

/** `file_transport`, `directory_transport`, `pipe_transport` (Exim's manual, "The redirect router"). */
export function compileDeliverItem(settings: Settings): DeliverItem {
  const options = compileRedirectOptions(settings);
  return (item, attempt, isTainted) => deliverItem(item, attempt, options, isTainted);
}

/** The transport that is set for an item of a list. @param isTainted A peer has had a part in the list. */
export async function deliverItem(
  { kind, text }: Parameters<DeliverItem>[0],
  attempt: Attempt,
  options: RedirectOptions,
  isTainted: boolean,
): Promise<Accepted | Deferred> {
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
    return transport.kind === "transport" ? await accepted(attempt, transport) : transport;
  } finally {
    attempt.item = undefined;
  }
}
