import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { program } from "@postbus/testkit";
import { authenticatorOptions } from "../../src/options/authenticators/generic.ts";
import { authenticatorDrivers } from "../../src/options/authenticators/index.ts";
import { mainOptions } from "../../src/options/main/index.ts";
import type { OptionTable } from "../../src/options/option.ts";
import { routerOptions } from "../../src/options/routers/generic.ts";
import { routerDrivers } from "../../src/options/routers/index.ts";
import { transportOptions } from "../../src/options/transports/generic.ts";
import { transportDrivers } from "../../src/options/transports/index.ts";
import { randomSnippet } from "./exim-snippets.ts";
import { readText } from "./read-text.ts";

const run = promisify(execFile);
/** The one that is asked for verdicts first. */
const found = ["exim-4.98", "exim-4.96", "exim-4.100"]
  .map((name) => program(name))
  .filter((path) => path !== undefined);
const [exim = ""] = found;
const skip = exim === "" ? "SKIPPED: no fetched Exim is there" : false;

/** A few seconds' worth; POSTBUS_TEST_SNIPPETS for more. */
const COUNT = Number(process.env["POSTBUS_TEST_SNIPPETS"] ?? 80);
const SEED = Number(process.env["POSTBUS_TEST_SEED"] ?? 3);

/** Options that this version names and that are not for configurations: internal, or printed in another form. */
const NOT_FOR_FILES = /^\*/;

async function asked(exim: string, configuration: string, ...args: readonly string[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "postbus-exim-"));
  try {
    const file = join(directory, "configure");
    await writeFile(file, `keep_environment =\n${configuration}\n`, "latin1");
    const { stdout, stderr } = await run(exim, ["-C", file, ...args], { timeout: 60_000 }).catch((err) => err);
    return `${stdout}${stderr}`;
  } finally {
    await rm(directory, { recursive: true });
  }
}

const isRefused = (output: string): boolean => /configuration error|(unknown|malformed) log_selector/.test(output);

/** Repeatable chance (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Names in `-bP` output, by the driver that they are printed for; an empty name for the main section. */
function optionNames(output: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  let names: string[] = [];
  found.set("", names);
  for (const line of output.split("\n")) {
    const [, driver] = /^d_(\w+) \w+:$/.exec(line) ?? [];
    const [, name] = /^(?:no_)?([\w*]+)/.exec(line) ?? [];
    if (driver !== undefined) {
      names = found.get(driver) ?? [];
      found.set(driver, names);
    } else if (name !== undefined && !NOT_FOR_FILES.test(line)) names.push(name);
  }
  return found;
}

describe("Exim and the reader", { skip }, () => {
  test(`agree about ${COUNT} snippets (seed ${SEED})`, async () => {
    const random = seeded(SEED);
    const known = new Set(optionNames(await asked(exim, "", "-bP")).get(""));
    const snippets = Array.from({ length: COUNT }, () => randomSnippet(random, known));
    const differences: string[] = [];
    const work = async (): Promise<void> => {
      for (let snippet = snippets.pop(); snippet !== undefined; snippet = snippets.pop()) {
        const theirs = await asked(exim, snippet, "-bV");
        const ours = readText(snippet).of("error");
        if (isRefused(theirs) === ours.length > 0) continue;
        differences.push(
          `${snippet}\n--> Exim: ${isRefused(theirs) ? theirs.split("\n", 3).join(" ") : "takes it"}; ours: ${ours.join("; ") || "takes it"}`,
        );
      }
    };
    await Promise.all([work(), work()]);
    assert.deepEqual(differences, []);
  });

  for (const one of found) {
    test(`every option that ${basename(one)} knows is in a table`, () => everyOptionIsKnown(one));
  }
});

async function everyOptionIsKnown(exim: string): Promise<void> {
  const families = {
    routers: [
      routerOptions,
      routerDrivers,
      "verify_only\n data = x\n route_list = x\n port = 1\n hosts = x\n command = /x\n command_user = root",
    ],
    transports: [transportOptions, transportDrivers, "command = /x\n file = /x"],
    authenticators: [authenticatorOptions, authenticatorDrivers, "public_name = X"],
  } as const;
  const missing: string[] = [];
  const compare = (subject: string, names: readonly string[] | undefined, ...tables: readonly OptionTable[]): void => {
    assert.ok(names !== undefined && names.length > 5, `no names for ${subject}`);
    for (const name of names)
      if (!tables.some((table) => Object.hasOwn(table, name))) missing.push(`${subject}: ${name}`);
  };
  // Written on the way out only.
  compare("main", optionNames(await asked(exim, "", "-bP")).get(""), mainOptions, {
    config_file: mainOptions.exim_path,
  });
  for (const [section, [generic, kinds, settings]] of Object.entries(families)) {
    for (const [kind, { options }] of Object.entries(kinds) as [string, { options: OptionTable }][]) {
      const wanted = settings
        .split("\n ")
        .filter((line) => Object.hasOwn({ ...generic, ...options }, line.split(" ", 1)[0] ?? ""));
      const text = `begin ${section}\nd_${kind}:\n driver = ${kind}\n ${wanted.join("\n ")}`;
      const output = await asked(exim, text.replace("\n data = x\n route_list = x", "\n data = x"), "-bP", section);
      // This build has neither gsasl, heimdal_gssapi nor queuefile, and no library for cyrus_sasl.
      if (isRefused(output) && /cannot find|Cyrus/.test(output)) continue;
      compare(`${section} ${kind}`, optionNames(output).get(kind), generic, options);
    }
  }
  assert.deepEqual(missing, []);
}
