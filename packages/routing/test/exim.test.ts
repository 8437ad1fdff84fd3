import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { program } from "@postbus/testkit";
import { type BtFile, btFiles, comparable, placeBtFiles, SENDER } from "./bt-files.ts";

const run = promisify(execFile);
const exims = ["exim-4.96", "exim-4.98", "exim-4.100"].filter((name) => program(name) !== undefined);
/** Exim asks the servers of /etc/resolv.conf at port 53: it gets a view of the machine with others. */
const namespaceIsMissing = canUnshare()
  ? false
  : "SKIPPED: only root, with unshare and ip, can give Exim a name server";
/** Set to write down what the second of them says. */
const isRecording = process.env["POSTBUS_TEST_RECORD"] === "1";

function canUnshare(): boolean {
  if (process.getuid?.() !== 0 || program("ip") === undefined) return false;
  return spawnSync("unshare", ["--mount", "--net", "ip", "link", "set", "lo", "up"], { stdio: "ignore" }).status === 0;
}

async function asked(exim: string, { addresses, mode, text, needsDns }: BtFile): Promise<string[]> {
  const files = placeBtFiles();
  try {
    const file = join(files.directory, "configure");
    writeFileSync(file, files.placed(text), "latin1");
    const command = [program(exim) ?? "", "-C", file, "-f", SENDER, mode, ...addresses];
    const [first = "", ...rest] = needsDns ? withDns(files.directory, command) : command;
    const { stdout } = await run(first, rest, { encoding: "latin1", timeout: 60_000 }).catch((err) => err);
    return comparable(String(stdout), files.directory);
  } finally {
    files.remove();
  }
}

/** Networks and mounts of its own, with the zone's server as the only one that there is. */
function withDns(directory: string, command: readonly string[]): string[] {
  const configuration = join(directory, "resolv.conf");
  writeFileSync(configuration, "nameserver 127.0.0.1\n");
  const script = `mount --bind ${configuration} /etc/resolv.conf && ip link set lo up && exec "$@"`;
  const server = join(import.meta.dirname, "bt", "with-dns.ts");
  return ["unshare", "--mount", "--net", "sh", "-c", script, "sh", process.execPath, server, ...command];
}

describe("the recordings are what Exim says", {
  skip: exims.length === 0 && "SKIPPED: no fetched Exim is there",
}, () => {
  for (const exim of exims) {
    for (const file of btFiles()) {
      const skip = file.needsDns && namespaceIsMissing;
      test(`${exim}: ${file.name}`, { skip }, async () => {
        const lines = await asked(exim, file);
        if (isRecording && exim === "exim-4.98") writeFileSync(file.recording, `${lines.join("\n")}\n`, "latin1");
        else assert.deepEqual(lines, file.expected);
      });
    }
  }
});
