import type { DeliveryItem, Recipient } from "@postbus/contracts";
import type { MessageOptions } from "@postbus/policy";
import { deliveryFields } from "./delivery-fields.ts";
import type { ContentChanges } from "./outgoing-content.ts";

/** A message as a transport sends it, apart from its content. */
export interface MessageAsSent {
  /** MAIL FROM, `Return-path:`. */
  readonly returnPath: string;
  /** Undefined: the content goes as it came. */
  readonly changes: ContentChanges | undefined;
}

/**
 * What router and transport make of a message for some of its recipients: the router's header lines come before those of the
 * transport, whose `return_path` counts more than the router's `errors_to`.
 *
 * @param options Of the transport; undefined: it changes nothing.
 * @param recipients That the same octets go to.
 */
export function messageAsSent(
  item: DeliveryItem,
  options: MessageOptions | undefined,
  recipients: readonly Recipient[],
  nowMs: number,
): MessageAsSent {
  const { headersAdd = NONE, headersRemove = NONE, errorsTo, srsSender } = item;
  const returnPath = options?.returnPath ?? errorsTo ?? srsSender ?? item.returnPath;
  if (options === undefined) {
    const isChanged = headersAdd.length > 0 || headersRemove.length > 0;
    return { returnPath, changes: isChanged ? { top: "", headersAdd, headersRemove } : undefined };
  }
  const { adds, only, rewriteHeader } = options;
  const isTopped = only !== "body" && (adds.returnPath || adds.envelopeTo || adds.deliveryDate);
  return {
    returnPath,
    changes: {
      top: isTopped ? deliveryFields(adds, returnPath, recipients.map(asNamed), new Date(nowMs)) : "",
      headersAdd: joined(headersAdd, options.headersAdd),
      headersRemove: joined(headersRemove, options.headersRemove),
      ...(only === undefined ? {} : { only }),
      ...(rewriteHeader === undefined ? {} : { rewriteHeader }),
    },
  };
}

/** As the client has named it. */
const asNamed = ({ address, origin }: Recipient): string => origin?.parents.at(-1) ?? address;

const joined = (some: readonly string[], more: readonly string[]): readonly string[] =>
  more.length === 0 ? some : [...some, ...more];

const NONE: readonly string[] = [];
