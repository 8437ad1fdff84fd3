import type { KeyValue } from "@postbus/bus";
import { FLEET_BEAT_MS, FLEET_EXPIRY_MS, FleetMember } from "@postbus/contracts";
import { Compile } from "typebox/compile";

const memberCheck = Compile(FleetMember);

export interface ReplicasOptions {
  /** Of the bucket `fleet`. */
  readonly members: Pick<KeyValue, "list">;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** How many processes deliver: what is limited for the fleet is divided by it. */
export class Replicas {
  readonly #options: ReplicasOptions;
  readonly #timer: NodeJS.Timeout;
  #count = 1;

  constructor(options: ReplicasOptions) {
    this.#options = options;
    // While the bus is away it stays as it was: nobody can have come that would get mail from it.
    this.#timer = setInterval(() => void this.read().catch(() => undefined), FLEET_BEAT_MS).unref();
  }

  /** This process included; those that came within the last seconds may be missing. */
  get count(): number {
    return this.#count;
  }

  async read(): Promise<void> {
    const oldestMs = this.#options.now() - FLEET_EXPIRY_MS;
    const entries = await this.#options.members.list();
    const known = entries.flatMap(({ value }) => (memberCheck.Check(value) ? [value] : []));
    const alive = known.filter(({ service, seenAtMs }) => service === "delivery" && seenAtMs >= oldestMs);
    this.#count = Math.max(1, alive.length);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
