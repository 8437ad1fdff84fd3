import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "@postbus/bus";
import { FLEET_BEAT_MS, FLEET_EXPIRY_MS, type FleetMember, fleetBucket } from "@postbus/contracts";
import type { Logger } from "pino";
import manifest from "../package.json" with { type: "json" };
import type { Part, ServiceName } from "./service.ts";

/** Version of Postbus; every package carries the same. */
export const version: string = manifest.version;

/** Names this process in the fleet: host name (a container's id) and process id, as a key of the bus may be spelt. */
export function instanceName(): string {
  return `${hostname().replaceAll(/[^A-Za-z0-9-]/g, "-")}-${process.pid}`;
}

export interface Announced {
  readonly service: ServiceName;
  readonly instance: string;
  /** Asked at every beat. */
  state(): FleetMember["state"];
  policyVersion(): string | undefined;
}

/** At the end of the process nobody waits longer for the bus: the entry expires anyway. */
const FAREWELL_MS = 1_000;

export interface Announcement extends Part {
  /** Out of turn: something has changed. */
  announce(): Promise<void>;
}

/**
 * Says every `FLEET_BEAT_MS` that the service is there; the entry expires by itself when the process dies. A beat that
 * fails is logged when it begins to fail and then left to the next one: nobody's mail depends on it.
 */
export function startAnnouncing(bus: Bus, announced: Announced, log: Logger): Announcement {
  const members = bus.keyValue(fleetBucket);
  const key = `${announced.service}/${announced.instance}`;
  const startedAtMs = Date.now();
  let isFailing = false;
  let isRunning = false;
  let isStopping = false;

  async function attempt(action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
      isFailing = false;
    } catch (err) {
      // At the end the bus may be gone before the last word is out; the entry expires.
      if (!isFailing && !isStopping && announced.state() !== "stopping")
        log.warn({ err, service: announced.service }, "cannot announce this process to the fleet");
      isFailing = true;
    }
  }

  async function announce(): Promise<void> {
    isRunning = true;
    await attempt(() => members.put(key, memberNow(announced, startedAtMs), { ttlMs: FLEET_EXPIRY_MS }));
    isRunning = false;
  }

  const timer = setInterval(() => {
    // A beat that hangs is not joined by others.
    if (!isRunning) announce().catch((err: unknown) => log.error({ err }, "announcing failed"));
  }, FLEET_BEAT_MS);
  timer.unref();
  return {
    name: `announcement of ${announced.service}`,
    announce,
    async stop() {
      clearInterval(timer);
      isStopping = true;
      await Promise.race([attempt(() => members.delete(key)), sleep(FAREWELL_MS, undefined, { ref: false })]);
    },
  };
}

function memberNow({ service, instance, state, policyVersion }: Announced, startedAtMs: number): FleetMember {
  const policy = policyVersion();
  return {
    v: 1,
    service,
    instance,
    version,
    ...(policy === undefined ? {} : { policyVersion: policy }),
    startedAtMs,
    seenAtMs: Date.now(),
    state: state(),
  };
}
