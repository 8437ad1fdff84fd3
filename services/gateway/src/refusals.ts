import type { Rejected } from "@postbus/contracts";
import type { AclAnswer } from "@postbus/policy";
import type { RejectionStage } from "./metrics.ts";
import type { Surroundings } from "./surroundings.ts";

/** Whom it concerns. */
interface Refusing {
  readonly address: string;
  readonly port: number;
  readonly helo: string;
  readonly envelope: { readonly returnPath: string } | undefined;
}

/** What one client was refused, for the log and the metrics. */
export class Refusals {
  readonly #client: Refusing;
  readonly #surroundings: Surroundings;

  constructor(client: Refusing, surroundings: Surroundings) {
    this.#client = client;
    this.#surroundings = surroundings;
  }

  /** A policy has said no. @param what It was said to: `RCPT <a@b>`. */
  byPolicy({ isTemporary, log, logTargets }: AclAnswer, stage: RejectionStage, what: string): void {
    // `log_reject_target =` with nothing behind it: not to be logged.
    if (logTargets?.length === 0) return;
    const why = log === undefined ? "" : `: ${log}`;
    this.add(stage, `${isTemporary ? "temporarily " : ""}rejected ${what}${why}`);
  }

  add(stage: RejectionStage, text: string): void {
    this.#surroundings.metrics.rejections.inc({ stage });
    this.#record(text);
  }

  /** No command was refused, but TLS. */
  ofHandshake(text: string): void {
    this.#record(text, true);
  }

  #record(text: string, ofHandshake = false): void {
    const { rejections, messageIds } = this.#surroundings;
    const { address, port, helo, envelope } = this.#client;
    const event: Rejected = {
      v: 1,
      id: `${messageIds.next()}/reject`,
      atMs: Date.now(),
      service: "gateway",
      name: "smtp:reject",
      clientAddress: address,
      clientPort: port,
      text,
      ...(ofHandshake ? { ofHandshake } : {}),
      ...(helo === "" ? {} : { helo }),
      ...(envelope === undefined ? {} : { returnPath: envelope.returnPath }),
    };
    rejections.add(event);
  }
}

/** What was refused of a message that has come, in Exim's words. */
export function contentStageName({ record }: AclAnswer): string {
  switch (record.stage) {
    case "dkim":
      return "DKIM ";
    case "mime":
      return "during MIME ACL checks";
    default:
      return "after DATA";
  }
}

/** A command for the log: peers write it. */
export const printable = (text: string): string => text.slice(0, 200).replace(/[^ -~]/g, "?");
