import { chmodSync, cpSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { DnsZone } from "@postbus/testkit";

const folder = join(import.meta.dirname, "bt");

export type Mode = "-bt" | "-bv" | "-bvs";

/** A configuration, the addresses that its `#:` lines name, and what Exim printed for them (`exim -bt`). */
export interface BtFile {
  readonly name: string;
  /** What Exim is told to do: route (`-bt`), or verify a recipient or a sender. */
  readonly mode: Mode;
  readonly text: string;
  readonly addresses: readonly string[];
  readonly expected: readonly string[];
  /** Where the expected lines are kept. */
  readonly recording: string;
  readonly needsDns: boolean;
}

export function btFiles(): BtFile[] {
  return globSync(join(folder, "*.conf"))
    .toSorted()
    .flatMap((path) => {
      const text = readFileSync(path, "latin1");
      const addresses = [...text.matchAll(/^#:(.*)$/gm)].flatMap(([, line = ""]) => line.trim().split(/\s+/));
      const name = basename(path, ".conf");
      const modes: readonly Mode[] = name === "verify" ? ["-bv", "-bvs"] : ["-bt"];
      return modes.map((mode): BtFile => {
        const recording = join(folder, `${name}${mode === "-bt" ? "" : mode}.expected`);
        const expected = readLines(recording);
        return {
          name: `${name} ${mode}`,
          mode,
          text,
          addresses,
          expected,
          recording,
          needsDns: name.startsWith("dns"),
        };
      });
    });
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "latin1").split("\n").slice(0, -1);
  } catch {
    return []; // To be recorded.
  }
}

export const zone: DnsZone = JSON.parse(readFileSync(join(folder, "zone.json"), "utf8"));

/** The sender of all of them. */
export const SENDER = "s@s.test";

/** A directory with the files that the configurations name, and the configurations with that directory put in. */
export function placeBtFiles(): { readonly directory: string; placed(text: string): string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), "postbus-bt-"));
  cpSync(join(folder, "files"), directory, { recursive: true });
  chmodSync(directory, 0o755);
  const placed = (text: string): string => text.replaceAll("@DIR@", directory);
  for (const entry of globSync(join(directory, "**/*"))) {
    // Neither a checkout's mask nor a copy's may make a file writable by its group: routers would refuse it.
    const isDirectory = statSync(entry).isDirectory();
    if (!isDirectory) writeFileSync(entry, placed(readFileSync(entry, "latin1")), "latin1");
    chmodSync(entry, isDirectory ? 0o755 : 0o644);
  }
  return { directory, placed, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** Lines as they are compared: without the directory and blanks at their ends; Exim 4.100 writes `\"` for `"`. */
export const comparable = (text: string, directory: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trimEnd().replaceAll(directory, "@DIR@").replaceAll('\\"', '"'))
    .filter((line) => line !== "");
