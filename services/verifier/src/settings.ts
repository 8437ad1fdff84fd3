import { commonSettings } from "@postbus/service-kit";
import { type Static, Type } from "typebox";

export const settings = Type.Object({
  ...commonSettings,
  /**
   * Threads that check signed messages; 0: the service's own. Absent: 1 on the embedded bus, where the SMTP sessions
   * share our thread; else 0, since a thread takes 60 % more CPU for a message, and 30 MB.
   */
  verifierWorkers: Type.Optional(Type.Integer({ minimum: 0, maximum: 64 })),
  /**
   * Questions that are worked on at one time, of each kind. Most of the time they wait for the DNS. Those about one client or
   * one domain have a quarter of them.
   */
  verifierConcurrency: Type.Integer({ minimum: 1, maximum: 10_000, default: 128 }),
});
export type Settings = Static<typeof settings>;

/** How many threads these settings mean. */
export const workersOf = ({ verifierWorkers, natsUrl }: Settings): number =>
  verifierWorkers ?? (natsUrl === undefined ? 1 : 0);
