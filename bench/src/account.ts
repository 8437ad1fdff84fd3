import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";

/** What the processes of one system under test have used, those that have ended included. */
export interface Account {
  /** To be put before a command line: the process that runs it, and all it starts, is counted. */
  readonly prefix: readonly string[];
  cpuSeconds(): number;
  /** Resident octets of all processes now (shared pages counted once a process). */
  residentOctets(): number;
  /** Of those, what is no page of a file: the kernel cannot take it back when somebody else needs memory. */
  anonymousOctets(): number;
  close(): void;
}

const ROOTS = [
  { root: "/sys/fs/cgroup/cpuacct", usage: "cpuacct.usage", seconds: (text: string) => Number(text) / 1e9 },
  {
    root: "/sys/fs/cgroup",
    usage: "cpu.stat",
    seconds: (text: string) => Number(/usage_usec (\d+)/.exec(text)?.[1]) / 1e6,
  },
];

/**
 * Counts by a control group, since Exim's and Postfix's processes come and go and leave their parents.
 *
 * @throws {Error} where no control group can be made: then the processor's share cannot be told.
 */
export function openAccount(name: string): Account {
  for (const { root, usage, seconds } of ROOTS) {
    const dir = `${root}/postbus-bench-${name}-${randomUUID()}`;
    try {
      mkdirSync(dir);
      readFileSync(`${dir}/${usage}`);
      readFileSync(`${dir}/cgroup.procs`);
    } catch {
      continue; // The other version of control groups, or none: the next one is tried, and at the end it is said.
    }
    return {
      prefix: joining(dir),
      cpuSeconds: () => seconds(readFileSync(`${dir}/${usage}`, "utf8")),
      residentOctets: () => pidsOf(dir).reduce((sum, pid) => sum + octetsOf(pid, "VmRSS"), 0),
      anonymousOctets: () => pidsOf(dir).reduce((sum, pid) => sum + octetsOf(pid, "RssAnon"), 0),
      close() {
        for (const pid of pidsOf(dir)) process.kill(Number(pid), "SIGKILL");
        for (let tries = 0; tries < 50 && pidsOf(dir).length > 0; tries++) {
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
        }
        rmdirSync(dir);
      },
    };
  }
  throw new Error("cannot make a control group: the benchmark wants root on Linux");
}

/** The usual one: of a shorter one, a tick of the kernel is too large a part. */
const PERIOD_US = 100_000;

export interface Quota {
  /** As that of an account, and behind it. */
  readonly prefix: readonly string[];
  /** From now on they get so much of a processor and no more, as a container with a limit does. */
  limit(processors: number): void;
  close(): void;
}

/**
 * Processes that can be limited.
 *
 * @throws {Error} where control groups are not those of version 1, or may not be made.
 */
export function openQuota(): Quota {
  const dir = `/sys/fs/cgroup/cpu/postbus-bench-${randomUUID()}`;
  try {
    mkdirSync(dir);
    writeFileSync(`${dir}/cpu.cfs_period_us`, String(PERIOD_US));
  } catch (err) {
    throw new Error("cannot limit processor time: the benchmark wants root and version 1 of control groups", {
      cause: err,
    });
  }
  return {
    prefix: joining(dir),
    limit: (processors) => writeFileSync(`${dir}/cpu.cfs_quota_us`, String(Math.round(processors * PERIOD_US))),
    close: () => rmdirSync(dir),
  };
}

const joining = (dir: string): string[] => ["/bin/sh", "-c", `echo $$ >"${dir}/cgroup.procs" && exec "$@"`, "sh"];
const pidsOf = (dir: string): string[] => readFileSync(`${dir}/cgroup.procs`, "utf8").split("\n").filter(Boolean);

function octetsOf(pid: string, kind: "VmRSS" | "RssAnon"): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(new RegExp(`^${kind}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0; // It has just ended.
  }
}

/** Peak of `sample` while `work` runs, looked at every 20 ms. */
export async function peakDuring<T>(sample: () => number, work: Promise<T>): Promise<{ peak: number; result: T }> {
  let peak = sample();
  const timer = setInterval(() => {
    peak = Math.max(peak, sample());
  }, 20);
  try {
    return { result: await work, peak };
  } finally {
    clearInterval(timer);
  }
}
