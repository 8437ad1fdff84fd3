import { domainOf, localPartOf } from "@postbus/mail";
import { lowerCase, type Value } from "@postbus/policy";
import type { AddressOrigin } from "./address-origin.ts";
import type { CompiledRouter } from "./compiled-router.ts";

/** What an address hands down to those that are made of it. */
export interface Inherited {
  /** `$address_data` */
  readonly addressData: Value | undefined;
  /** `$r_…`, set by routers. */
  readonly variables: ReadonlyMap<string, Value>;
  /** Return path and target of bounces; undefined: the message's own. */
  readonly errorsTo: string | undefined;
  /** Header lines to be added, each with its final LF. */
  readonly headersAdd: readonly string[];
  /** Names of header lines to be removed. */
  readonly headersRemove: readonly string[];
  /** Return path under which it is forwarded; `errorsTo` comes before it, and bounces go to the sender. */
  readonly srsSender?: string | undefined;
  /** Failures make no bounce. */
  readonly ignoresErrors: boolean;
  /** `dsn_lasthop` */
  readonly isLastHop: boolean;
}

const NOTHING: Inherited = {
  addressData: undefined,
  variables: new Map(),
  errorsTo: undefined,
  headersAdd: [],
  headersRemove: [],
  ignoresErrors: false,
  isLastHop: false,
};

/** What an address is: a mailbox, or an item of a redirect list that goes to a transport as it stands. */
export type AddressKind = "mailbox" | "file" | "directory" | "pipe";

export interface Origin {
  readonly parent: RoutedAddress;
  readonly inherited: Inherited;
  /** The router at which it begins. */
  readonly startsAt?: number;
}

/** An address on its way through the routers. */
export class RoutedAddress {
  readonly kind: AddressKind;
  /** As it was written; a pipe with its `|`, a file with its `/`. */
  readonly text: string;
  /** For comparing: letters as they came, but for the domain; and all of it in lower case. */
  readonly name: string;
  readonly lowerText: string;
  /** Without quotes, letters as they came. Of a file or pipe: the parent's, as of the following. */
  readonly localPart: string;
  readonly lowerLocalPart: string;
  /** In lower case. */
  readonly domain: string;
  readonly startsAt: number;
  parent: RoutedAddress | undefined;
  inherited: Inherited;
  /** What it had inherited when it was made. */
  readonly born: Inherited;
  /** `unseen`: the router that has made a copy of it, and what it had inherited when it came there. */
  copiedAt: { readonly router: CompiledRouter; readonly inherited: Inherited } | undefined;
  /** Of an item: a peer has had a part in its list. */
  isTainted = false;
  /** Of the first of those that were made of it. */
  originOfChildren: AddressOrigin | undefined;
  /** The last router that was asked, whether or not it was skipped. */
  router: CompiledRouter | undefined;
  /** Why a router did not take it; the text of the failure, if no other one does. */
  message: string | undefined;
  /** The same for the reply to the client. */
  replyText: string | undefined;
  /** The text may be told to a client though the failure is temporary. */
  isTextForClient = false;
  /** `hide_child_in_errmsg` of the router that made it. */
  isHidden = false;
  /** `$self_hostname`: the host that turned out to be this one. */
  selfHostname: string | undefined;
  /** What it is known by when deliveries are compared; two of the same name are one delivery. */
  unique: string;

  constructor(text: string, kind: AddressKind = "mailbox", origin?: Origin) {
    const { parent, inherited = NOTHING, startsAt = 0 } = origin ?? {};
    const owner = kind === "mailbox" ? undefined : parent;
    this.kind = kind;
    this.domain = owner?.domain ?? domainOf(text);
    this.text = text;
    this.name = kind === "mailbox" ? `${localPartOf(text)}@${this.domain}` : text;
    this.lowerText = lowerCase(text);
    this.localPart = owner?.localPart ?? unquoted(localPartOf(text));
    this.lowerLocalPart = lowerCase(this.localPart);
    this.parent = parent;
    this.inherited = this.born = inherited;
    this.startsAt = startsAt;
    this.router = owner?.router;
    this.unique = uniqueName(this.name, kind, parent);
  }

  /** Those it was made of, the nearest first. */
  *ancestors(): Generator<RoutedAddress> {
    for (let one = this.parent; one !== undefined; one = one.parent) yield one;
  }

  /** It, or what it was made of, is not to be named in reports. */
  get isHiddenAtAll(): boolean {
    return this.isHidden || this.parent?.isHiddenAtAll === true;
  }

  /** The address with which it all began: itself, if it was not made of another one. */
  get top(): RoutedAddress {
    let top: RoutedAddress = this;
    while (top.parent !== undefined) top = top.parent;
    return top;
  }
}

/** `"a\"b"` → `a"b`: quotes are no part of the name (RFC 5321 §4.1.2). */
function unquoted(localPart: string): string {
  return /["\\]/.test(localPart) ? localPart.replaceAll(/\\([\s\S])|"/g, "$1") : localPart;
}

/** An address that is made of itself is another delivery than its ancestor; a file is one for each that has it. */
function uniqueName(text: string, kind: AddressKind, parent: RoutedAddress | undefined): string {
  if (kind !== "mailbox") return `${text}:${parent?.unique ?? ""}`;
  let namesakes = 0;
  for (let one = parent; one !== undefined; one = one.parent) if (one.name === text) namesakes++;
  return namesakes === 0 ? text : `\\${namesakes}\\${text}`;
}
