import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";

export interface RecordingSink {
  readonly port: number;
  /** How often each `X-Load-Id` came, by id and recipient: `<id> <recipient>`. */
  readonly received: ReadonlyMap<string, number>;
  /** Contents in order of arrival, when asked for. */
  readonly contents: readonly string[];
  /** Resolves when every key has come at least once. */
  waitFor(keys: Iterable<string>, deadlineMs: number): Promise<void>;
  stop(): Promise<void>;
}

export interface SinkOptions {
  readonly port?: number;
  readonly keepContents?: boolean;
  /** Called for each copy, with its key. */
  readonly onReceived?: (key: string) => void;
  /** The answer to a message comes so long after its end. */
  readonly delayMs?: number;
  /** Refuses a recipient: the SMTP code and text. */
  readonly refuse?: (recipient: string) => { readonly code: number; readonly text: string } | undefined;
}

/** A next hop that accepts everything and counts it; on the `smtp-server` package, which knows nothing of ours. */
export async function startRecordingSink(options: SinkOptions = {}): Promise<RecordingSink> {
  const received = new Map<string, number>();
  const contents: string[] = [];
  let wake = (): void => {};
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["AUTH", "STARTTLS"],
    disableReverseLookup: true,
    hideSize: true,
    closeTimeout: 100,
    onRcptTo(address, _session, callback) {
      const refusal = options.refuse?.(address.address);
      if (refusal === undefined) return callback();
      return callback(Object.assign(new Error(refusal.text), { responseCode: refusal.code }));
    },
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const content = Buffer.concat(chunks).toString("latin1");
        const id = /^X-Load-Id: (\S+)/im.exec(content)?.[1] ?? "?";
        for (const { address } of session.envelope.rcptTo) {
          const key = `${id} ${address}`;
          received.set(key, (received.get(key) ?? 0) + 1);
          options.onReceived?.(key);
        }
        if (options.keepContents === true) contents.push(content);
        wake();
        if (options.delayMs === undefined) callback();
        else setTimeout(callback, options.delayMs);
      });
    },
  });
  server.on("error", () => {}); // Clients that are killed in mid-session end here; that is the point of the test.
  const listener = server.listen(options.port ?? 0, "127.0.0.1");
  await once(listener, "listening");
  return {
    port: (listener.address() as AddressInfo).port,
    received,
    contents,
    async waitFor(keys, deadlineMs) {
      const missing = new Set(keys);
      const end = performance.now() + deadlineMs;
      for (;;) {
        for (const key of missing) if (received.has(key)) missing.delete(key);
        if (missing.size === 0) return;
        const left = end - performance.now();
        if (left <= 0)
          throw new Error(`${missing.size} not received after ${deadlineMs} ms, e.g. ${[...missing].slice(0, 5)}`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.min(left, 500));
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
