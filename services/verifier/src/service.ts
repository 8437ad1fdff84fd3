import { verifyDestinationsSubject, verifyMessageSubject, verifySpfSubject } from "@postbus/contracts";
import { openResolver } from "@postbus/dns";
import { preload, SuffixFiles } from "@postbus/mail-auth";
import type { Service } from "@postbus/service-kit";
import { dividedChecks } from "./divided-checks.ts";
import { FairPlaces } from "./fair-places.ts";
import { destinationsHandler, messageHandler, spfHandler } from "./handlers.ts";
import { checkMetrics } from "./metrics.ts";
import { ownThread } from "./own-thread.ts";
import { settings, workersOf } from "./settings.ts";
import { WorkerPool } from "./worker-pool.ts";

/** Questions that wait for a place, for each place. */
const IN_LINE = 15;
const WARM_UP_AFTER_MS = 1_000;
/**
 * A question waits so long for a place. What the asker has left of his ten seconds is for the check: who has
 * filled the line himself is to hear that, and not that nobody has answered.
 */
const IN_LINE_MS = 2_000;
/** Nobody waits for these; reports of a day come one after the other. */
const DESTINATIONS_CONCURRENCY = 8;

/** Is the sender who it claims to be? Answers the gateway's questions while the client waits; keeps nothing. */
export const verifier: Service<typeof settings> = {
  name: "verifier",
  settings,
  async start({ settings, bus, log, metrics }) {
    const { dnsServers, verifierConcurrency: concurrency } = settings;
    const workers = workersOf(settings);
    const resolver = await openResolver(dnsServers);
    const files = new SuffixFiles();
    const own = ownThread(resolver, files);
    const checks = workers === 0 ? own : dividedChecks(own, new WorkerPool({ workers, dnsServers, log }));
    const measured = checkMetrics(metrics);
    const places = () => new FairPlaces(concurrency, concurrency * IN_LINE, IN_LINE_MS);
    // What waits for a place waits here, where it is known about whom it is, not on the bus.
    const all = { concurrency: concurrency * (1 + IN_LINE), maxWaiting: concurrency };
    const spf = await bus.serve(verifySpfSubject, all, spfHandler(checks, places(), measured));
    const ofMessages = messageHandler(checks, places(), bus.spool, measured);
    const message = await bus.serve(verifyMessageSubject, all, ofMessages);
    const destinations = await bus.serve(
      verifyDestinationsSubject,
      { concurrency: DESTINATIONS_CONCURRENCY },
      destinationsHandler(resolver, files),
    );
    // Loading the library stalls the thread for 130 ms: neither the start nor the first client has to wait for it.
    const warmUp = setTimeout(() => {
      preload().catch((err: unknown) => log.error({ err }, "cannot load the library for checks"));
    }, WARM_UP_AFTER_MS).unref();
    return [
      { name: "warm-up", stop: async () => clearTimeout(warmUp) },
      { name: "checks", stop: () => checks.stop() },
      { name: verifySpfSubject, stop: () => spf.drain() },
      { name: verifyDestinationsSubject, stop: () => destinations.drain() },
      { name: verifyMessageSubject, stop: () => message.drain() },
    ];
  },
};
