import type { Value } from "../expansion/value.ts";

/** What `verify = recipient` and `verify = sender` ask. */
export interface VerifyAddressRequest {
  readonly kind: "recipient" | "sender";
  readonly address: string;
  /** `success_on_redirect`: an alias is good whatever its target. */
  readonly isGoodWhenRedirected: boolean;
  /** `callout`: the host that would take the mail is asked as well. */
  readonly callout: CalloutOptions | undefined;
  /** `quota`: its mailbox is asked whether there is room; cache times in seconds. */
  readonly quota: { readonly goodSeconds?: number; readonly badSeconds?: number } | undefined;
}

export interface CalloutOptions {
  readonly timeoutMs?: number;
  readonly connectTimeoutMs?: number;
  readonly maxWaitMs?: number;
  readonly toleratesDefer: boolean;
  readonly usesCache: boolean;
  readonly isRandomTested: boolean;
  readonly postmaster: "no" | "postmaster" | "full";
  /** Reverse-path of the test; undefined: the null one. */
  readonly sender: "sender" | "postmaster" | undefined;
  readonly mailFrom?: string;
  readonly postmasterMailFrom?: string;
  readonly isHeld: boolean;
  readonly usesTransportSender: boolean;
}

/** What routing (and the host that was asked) says of an address. */
export interface AddressVerdict {
  readonly result: "good" | "bad" | "unknown";
  /** For the client: `Unrouteable address`, the text behind `:fail:`. */
  readonly text?: Value;
  readonly log?: string;
  /** Of a sender, above the text: where that is not `Verification failed for <…>`. */
  readonly heading?: string;
  /** The text may be shown although the refusal is temporary: it is the operator's own, or the asked host's. */
  readonly isTextForClient?: boolean;
  /** `$recipient_verify_failure`, `$sender_verify_failure`: `qualify`, `route`, `mail`, `recipient`, `postmaster`. */
  readonly failure?: string;
  /** `$address_data` of the router that took it. */
  readonly addressData?: Value;
}
