import { once } from "node:events";
import { connect } from "node:net";
import type { LmtpServer, LmtpTransport } from "@postbus/policy";
import { checkDirectory } from "../local/check-directory.ts";
import { LocalError } from "../local/local-error.ts";
import { octetText } from "../octet-text.ts";
import { runAs } from "../programs/run-as.ts";
import { killGroup, startProgram } from "../programs/start-program.ts";
import { systemError } from "../system-error.ts";
import type { LmtpStream } from "./lmtp-line.ts";

/** A way to a server, and how to leave it. */
export interface OpenStream extends LmtpStream {
  close(): Promise<void>;
}

/** Exim's number for an error of its own making. */
const NO_ERRNO = -1;
/** For a program to end by itself when it has been told to. */
const EXIT_MS = 2_000;
/** Of a program that speaks LMTP. */
const UMASK = 0o22;

/** @throws {LocalError} there is no way. */
export async function openStream(server: LmtpServer, transport: LmtpTransport): Promise<OpenStream> {
  const { at, place } = server;
  if ("socket" in at) return openSocket(at.socket, transport);
  const as = await runAs(place, transport.name);
  const directory = place.directory ?? place.home ?? "/";
  await checkDirectory(directory);
  const program = startProgram({ words: at.words, environment: new Map(), directory, umask: UMASK, runAs: as });
  // What it complains about is for nobody; and that it could not be started is seen by what it does not say.
  const [stdout, stderr] = program.outputs;
  if (stdout === undefined || stderr === undefined) throw new Error("a program was started without its streams");
  stderr.resume();
  const exit = new Promise<void>((resolve) => {
    program.child.once("exit", () => resolve());
    program.child.once("error", () => {
      stdout.destroy();
      resolve();
    });
  });
  return {
    input: stdout,
    output: program.input,
    async close() {
      program.input.end();
      const timer = setTimeout(() => killGroup(program), EXIT_MS);
      await exit;
      clearTimeout(timer);
      killGroup(program);
      for (const stream of [program.input, stdout, stderr]) stream.destroy();
    },
  };
}

async function openSocket(path: string, { name, settings }: LmtpTransport): Promise<OpenStream> {
  const socket = connect({ path: octetText(path) });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(settings.timeoutMs) });
  } catch (err) {
    socket.destroy();
    const why = systemError(err)?.text ?? "Connection timed out";
    const text = `Failed to connect to socket ${path} for ${name} transport: ${why}`;
    throw new LocalError(NO_ERRNO, text, { cause: err });
  }
  return { input: socket, output: socket, close: async () => void socket.destroy() };
}
