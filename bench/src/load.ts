import { spawn } from "node:child_process";
import { once } from "node:events";
import { answers, freePort, program } from "@postbus/testkit";

export function need(name: string): string {
  const path = program(name);
  if (path === undefined) throw new Error(`${name} is not on this machine (packages/testkit/fetch-servers.sh gets it)`);
  return path;
}

export interface Sink {
  readonly port: number;
  /** Resolves when it has taken `count` messages since the start. */
  received(count: number, deadlineMs: number): Promise<void>;
  stop(): void;
}

/** Postfix's `smtp-sink`, which counts the messages that it takes. */
export async function startSink(at?: number): Promise<Sink> {
  const port = at ?? (await freePort());
  // -c prints the counter with each message; -u: as root it wants to be somebody else.
  const args = ["-c", ...(process.getuid?.() === 0 ? ["-u", "nobody"] : []), `127.0.0.1:${port}`, "1000"];
  const child = spawn(need("smtp-sink"), args, { stdio: ["ignore", "pipe", "inherit"] });
  let count = 0;
  let wake = (): void => {};
  child.stdout.on("data", (chunk: Buffer) => {
    const numbers = chunk.toString("latin1").match(/\d+(?=\D)/g);
    if (numbers === null) return;
    count = Number(numbers.at(-1));
    wake();
  });
  await answers(port);
  return {
    port,
    async received(wanted, deadlineMs) {
      const end = performance.now() + deadlineMs;
      while (count < wanted) {
        const left = end - performance.now();
        if (left <= 0) throw new Error(`the sink has ${count} of ${wanted} messages after ${deadlineMs} ms`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.min(left, 200));
          wake = () => {
            if (count < wanted) return;
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
    stop: () => child.kill(),
  };
}

export interface Load {
  readonly port: number;
  readonly messages: number;
  readonly connections: number;
  /** Octets of content. */
  readonly size: number;
  /** One connection a message instead of kept ones. */
  readonly reconnect?: boolean;
  readonly recipient: string;
}

/** Runs Postfix's `smtp-source`; resolves with the seconds until the last message was accepted. */
export async function runSource(load: Load): Promise<number> {
  const args = ["-m", String(load.messages), "-s", String(load.connections), "-l", String(load.size)];
  if (load.reconnect !== true) args.push("-d"); // Do not disconnect after each message.
  args.push("-f", "sender@bench.test", "-t", load.recipient, `127.0.0.1:${load.port}`);
  const start = performance.now();
  const child = spawn(need("smtp-source"), args, { stdio: ["ignore", "inherit", "inherit"] });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`smtp-source ended with ${code}: the server refused something`);
  return (performance.now() - start) / 1000;
}
