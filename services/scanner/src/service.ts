import { type ScanAnswer, ScanRequest, scanNewsSubject, scanSubject } from "@postbus/contracts";
import type { Part, Service } from "@postbus/service-kit";
import { Compile } from "typebox/compile";
import { engines } from "./engines/index.ts";
import { EngineHosts } from "./hosts/engine-hosts.ts";
import { KeptVerdicts } from "./kept-verdicts.ts";
import { scanMetrics } from "./metrics.ts";
import { OtherScanners } from "./other-scanners.ts";
import { Scans } from "./scans.ts";
import { settings } from "./settings.ts";

const requests = Compile(ScanRequest);

/** What is in it? Asks the engines that the questions name, while the client waits; keeps nothing but answers, for a while. */
export const scanner: Service<typeof settings> = {
  name: "scanner",
  settings,
  async start({ settings, bus, log, metrics: registry, instance }) {
    const { scannerConcurrency: concurrency, scannerConnections, natsUrl } = settings;
    const metrics = scanMetrics(registry);
    const hosts = new EngineHosts(scannerConnections, metrics);
    const kept = new KeptVerdicts();
    // In one process there are no others.
    const others =
      natsUrl === undefined
        ? undefined
        : new OtherScanners(kept, instance, (said) => bus.broadcast(scanNewsSubject, said));
    const hearing = others && (await bus.listen(scanNewsSubject, (told) => others.heard(told)));
    const scans = new Scans({ hosts, spool: bus.spool, metrics, log, concurrency, kept, others });
    // A place for all that engines may have: one that hangs takes none from the others.
    const places = concurrency * Object.keys(engines).length;
    const questions = await bus.serve(
      scanSubject,
      { concurrency: places },
      async ({ body, content }): Promise<ScanAnswer> => {
        if (!requests.Check(body)) throw new Error("scan.content: the question does not fit its contract");
        if (content === undefined) throw new Error("scan.content: the question has no content");
        return scans.answer(body, content);
      },
    );
    const answering: Part = {
      name: scanSubject,
      // In one process with the SMTP listener, an engine that is away is not to keep all mail away: the policy says what to do.
      get problem() {
        return natsUrl === undefined ? undefined : hosts.problem;
      },
      async stop() {
        await questions.drain();
        await hearing?.drain();
      },
    };
    return [answering];
  },
};
