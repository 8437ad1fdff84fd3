import type { AttemptResult } from "@postbus/queue";
import { errnos, type SessionFailure } from "@postbus/smtp";
import type { OpenFailure } from "./open-failure.ts";

type Lack = NonNullable<SessionFailure["lacks"]>;

/** What the sender is told (RFC 8689 §4.2.2, §6): nobody has said it, so it stands in no other host's name. */
const REPLIES: Readonly<Record<Lack, string>> = {
  TLS: "550 5.7.10 Encryption needed",
  REQUIRETLS: "550 5.7.30 REQUIRETLS support required",
};

/** Of a host that an unsigned MX or SRV record names. */
export const UNKNOWN_HOST: OpenFailure = {
  errno: errnos.requireTls,
  text: "REQUIRETLS: the DNS does not vouch for the host (no DNSSEC)",
  isPermanent: false,
  isTls: false,
  isConnect: false,
  lacks: "REQUIRETLS",
};

/** Hosts that do not do what a message requires of the connection to them, counted to know when there is no other left. */
export class LackingHosts {
  #count = 0;
  #last: Lack | undefined;

  note({ lacks }: Pick<SessionFailure, "lacks">): void {
    if (lacks === undefined) return;
    this.#count++;
    this.#last = lacks;
  }

  forget(): void {
    this.#count = 0;
    this.#last = undefined;
  }

  /** @param hosts So many there were; one that could not be asked now may do better. */
  areAll(hosts: number): boolean {
    return this.#count > 0 && this.#count === hosts;
  }

  /** The end of a recipient that none of them got. */
  ended(result: AttemptResult | undefined): AttemptResult | undefined {
    if (result?.outcome !== "deferred" || this.#last === undefined) return result;
    const { outcome: _, errno: __, ...rest } = result;
    return { ...rest, outcome: "failed", ownReply: REPLIES[this.#last] };
  }
}
