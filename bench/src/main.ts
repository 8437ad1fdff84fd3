// npm run bench -- [SCENARIO…] [--systems LIST] [--messages N] [--connections N] [--size OCTETS] [--runs N] [--vs DIR]
//
// Drives each system with Postfix's smtp-source and smtp-sink on this machine, one after the other, and prints rate,
// processor time and memory, with the ratio to the first system of the run. --vs adds a second checkout of Postbus.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { makeCertificate } from "@postbus/testkit";
import { openFilterLab } from "./filter-lab.ts";
import { startSink, startSlowSink } from "./load.ts";
import { accept } from "./scenarios/accept.ts";
import { backlog } from "./scenarios/backlog.ts";
import { filter } from "./scenarios/filter.ts";
import { handshakes } from "./scenarios/handshakes.ts";
import { idle } from "./scenarios/idle.ts";
import { large } from "./scenarios/large.ts";
import { latency } from "./scenarios/latency.ts";
import { relay } from "./scenarios/relay.ts";
import { replicas } from "./scenarios/replicas.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { bareNode } from "./systems/bare-node.ts";
import { exim } from "./systems/exim.ts";
import { haraka } from "./systems/haraka.ts";
import { embedded, fleet } from "./systems/postbus.ts";
import { postfix } from "./systems/postfix.ts";
import { smtpServer } from "./systems/smtp-server.ts";
import type { StartSystem, System } from "./systems/system.ts";

const root = resolve(import.meta.dirname, "../..");
const scenarios: readonly Scenario[] = [
  relay,
  accept(false),
  accept(true),
  latency,
  idle(1_000),
  idle(10_000),
  handshakes(false),
  handshakes(true),
  large,
  backlog,
  replicas,
  filter,
];

/** Systems that can be told how to verify what comes in. */
const FILTERING: ReadonlySet<string> = new Set([
  "embedded",
  "vs-embedded",
  "fleet",
  "vs-fleet",
  "fleet-2-verifiers",
  "fleet-3-verifiers",
  "postfix",
  "haraka",
  "exim-4.96",
  "exim-4.98",
  "exim-4.100",
]);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    systems: { type: "string", default: "embedded,fleet,postfix,postfix-default,exim-4.98" },
    messages: { type: "string", default: "10000" },
    connections: { type: "string", default: "20" },
    size: { type: "string", default: "4096" },
    runs: { type: "string", default: "1" },
    vs: { type: "string" },
  },
});

const systems: Readonly<Record<string, StartSystem>> = {
  embedded: embedded(root),
  fleet: fleet(root),
  "fleet-3": fleet(root, "postbus, 3 deliveries", ["delivery", "delivery"]),
  "fleet-2-verifiers": fleet(root, "postbus, 2 verifiers", ["verifier"]),
  "fleet-3-verifiers": fleet(root, "postbus, 3 verifiers", ["verifier", "verifier"]),
  postfix: postfix(true),
  "postfix-default": postfix(false),
  "exim-4.96": exim("4.96"),
  "exim-4.98": exim("4.98"),
  "exim-4.100": exim("4.100"),
  haraka,
  bare: bareNode,
  "smtp-server": smtpServer,
  ...(values.vs === undefined
    ? {}
    : {
        "vs-embedded": embedded(resolve(values.vs), `postbus of ${values.vs}`),
        "vs-fleet": fleet(resolve(values.vs), `postbus of ${values.vs}`),
      }),
};

const amount = {
  messages: Number(values.messages),
  connections: Number(values.connections),
  size: Number(values.size),
};
const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

let running: System | undefined;

async function measure(
  scenario: Scenario,
  start: StartSystem,
): Promise<{ name: string; figures: Record<string, number> }> {
  const directory = mkdtempSync(join(tmpdir(), "postbus-bench-"));
  const sink = scenario.sinkDelayMs === undefined ? await startSink() : await startSlowSink(scenario.sinkDelayMs);
  const certificate = scenario.isTls === true ? makeCertificate("mx.bench.test") : undefined;
  const { hold, hasDeadHop = false } = scenario;
  chmodSync(directory, 0o755);
  const lab = scenario.isFiltered === true ? await openFilterLab(directory) : undefined;
  let system: System | undefined;
  try {
    system = await start({ sinkPort: sink.port, hold, hasDeadHop, certificate, directory, filter: lab });
    running = system;
    const messageFile = lab?.messageFile;
    return { name: system.name, figures: await scenario.run(system, sink, { ...amount, messageFile }) };
  } finally {
    await system?.stop();
    await lab?.stop();
    await sink.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

// Control-C and a time-out stop what is measured, too: nothing may be left running.
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void running?.stop().finally(() => process.exit(1)));

const chosen = positionals.length === 0 ? scenarios : scenarios.filter(({ name }) => positionals.includes(name));
for (const scenario of chosen) {
  print(`\n${scenario.name}: ${amount.messages} messages of ${amount.size} octets, ${amount.connections} connections`);
  for (let run = 0; run < Number(values.runs); run++) {
    let first: number | undefined;
    for (const key of values.systems.split(",")) {
      const start = systems[key];
      if (start === undefined) throw new Error(`no system ${key}; there are ${Object.keys(systems).join(", ")}`);
      try {
        if (scenario.isFiltered === true && !FILTERING.has(key)) throw new Error("it verifies nothing here");
        const { name, figures } = await measure(scenario, start);
        const main = Object.values(figures)[0] ?? Number.NaN;
        first ??= main;
        const text = Object.entries(figures).map(([what, value]) => `${value.toFixed(value < 10 ? 3 : 0)} ${what}`);
        print(`  ${name.padEnd(34)} ${text.join(", ")}; first/this ${(first / main).toFixed(2)}`);
      } catch (err) {
        print(`  ${key.padEnd(34)} not measured: ${err instanceof Error ? err.message : String(err)}`);
      }
    }
  }
}
