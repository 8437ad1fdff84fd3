import { type ScanAnswer, ScanRequest, scanSubject } from "@postbus/contracts";
import type { Part, Service } from "@postbus/service-kit";
import { Compile } from "typebox/compile";
import { engines } from "./engines/index.ts";
import { EngineHosts } from "./hosts/engine-hosts.ts";
import { scanMetrics } from "./metrics.ts";
import { Scans } from "./scans.ts";
import { settings } from "./settings.ts";

const requests = Compile(ScanRequest);

/** What is in it? Asks the engines that the questions name, while the client waits; keeps nothing but answers, for a while. */
export const scanner: Service<typeof settings> = {
  name: "scanner",
  settings,
  async start({ settings, bus, log, metrics: registry }) {
    const { scannerConcurrency: concurrency, scannerConnections, natsUrl } = settings;
    const metrics = scanMetrics(registry);
    const hosts = new EngineHosts(scannerConnections, metrics);
    const scans = new Scans({ hosts, spool: bus.spool, metrics, log, concurrency });
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
      stop: () => questions.drain(),
    };
    return [answering];
  },
};
