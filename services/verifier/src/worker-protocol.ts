import type { SpfRequest } from "@postbus/contracts";
import type { MessageFacts, SpfFindings } from "@postbus/mail-auth";
import type { MessageAsked } from "./checks.ts";

/** What a worker is started with. */
export interface WorkerSettings {
  readonly dnsServers: string | undefined;
}

/** Octets with memory of their own, which goes with them. */
export type Piece = Uint8Array<ArrayBuffer>;

/** To a worker. `id` names a task from its start to its answer. */
export type ToWorker =
  | { readonly kind: "spf"; readonly id: number; readonly request: SpfRequest }
  /** Without octets, the content is fetched piece by piece (`more`). */
  | {
      readonly kind: "message";
      readonly id: number;
      readonly asked: MessageAsked;
      readonly octets: Uint8Array | undefined;
    }
  /** Without octets: that was all. */
  | { readonly kind: "piece"; readonly id: number; readonly octets: Piece | undefined }
  /** Nobody waits for the answer any more. */
  | { readonly kind: "cancel"; readonly id: number }
  /** Are you alive? */
  | { readonly kind: "ping" };

/** From a worker. */
export type FromWorker =
  | { readonly kind: "spf"; readonly id: number; readonly findings: SpfFindings }
  | { readonly kind: "message"; readonly id: number; readonly facts: MessageFacts }
  /** The next piece of content, please: one at a time, and in the memory of the last one, so that none is left behind. */
  | { readonly kind: "more"; readonly id: number; readonly spent: ArrayBuffer | undefined }
  /** A fault of ours. */
  | { readonly kind: "failed"; readonly id: number; readonly text: string }
  | { readonly kind: "pong" };
