import { once } from "node:events";
import { parseArgs } from "node:util";
import { formatEndpoint, parseEndpoint } from "@postbus/service-kit/endpoint";
import { SMTPServer, type SMTPServerSession } from "smtp-server";
import { parseCount } from "../parse-count.ts";
import { receiveMessage } from "../sink/receive-message.ts";
import { showMessage, type View } from "../sink/show-message.ts";
import { wildcard } from "../sink/wildcard.ts";

const DEFAULT_LISTEN = "127.0.0.1:2526";

/** After the last message, connections that are still open are cut. */
const CLOSE_TIMEOUT_MS = 1_000;

/**
 * `postbus sink`: a next hop to look at, built on `smtp-server`, so that delivery is tried against a server that is
 * not ours. It delivers nothing; with `--store` its 250 means "on the disk".
 */
export async function sink(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      listen: { type: "string", default: DEFAULT_LISTEN },
      whole: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      store: { type: "string" },
      reject: { type: "string", multiple: true, default: [] },
      defer: { type: "string", multiple: true, default: [] },
      count: { type: "string" },
    },
  });
  const endpoint = parseEndpoint(values.listen, "--listen");
  const view: View = values.json ? "json" : values.whole ? "whole" : "line";
  const refused = [
    { patterns: values.reject.map(wildcard), responseCode: 550, text: "5.1.1 no such recipient here" },
    { patterns: values.defer.map(wildcard), responseCode: 451, text: "4.2.1 not now" },
  ];
  const last = values.count === undefined ? Number.POSITIVE_INFINITY : parseCount(values.count, "--count");
  const done = Promise.withResolvers<void>();
  let received = 0;

  const server = new SMTPServer({
    name: "sink",
    banner: "postbus sink",
    authOptional: true,
    disabledCommands: ["AUTH", "STARTTLS"],
    // Nobody's name is worth a wait here.
    disableReverseLookup: true,
    closeTimeout: CLOSE_TIMEOUT_MS,
    logger: false,
    onRcptTo({ address }, _session, reply) {
      const rule = refused.find(({ patterns }) => patterns.some((pattern) => pattern.test(address)));
      reply(rule === undefined ? null : Object.assign(new Error(rule.text), { responseCode: rule.responseCode }));
    },
    onData(stream, session, reply) {
      receiveMessage(stream, { keep: view === "whole", ...(values.store === undefined ? {} : { store: values.store }) })
        .then((content) => {
          showMessage({ ...envelopeOf(session), ...content }, view);
          reply(null);
          if (++received >= last) done.resolve();
        })
        .catch((err: Error) => {
          process.stderr.write(`postbus: ${err.message}\n`);
          reply(Object.assign(new Error(`4.3.0 ${err.message}`), { responseCode: 451 }));
        });
    },
  });
  // A client that breaks off is its own affair; a port in use rejects `once` below.
  server.on("error", (err: NodeJS.ErrnoException) => {
    if (err.syscall === "listen") done.reject(err);
  });
  const listener = server.listen(endpoint.port, endpoint.host);
  await Promise.race([once(listener, "listening"), done.promise]);
  process.once("SIGTERM", () => done.resolve());
  process.once("SIGINT", () => done.resolve());
  const bound = listener.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : endpoint.port;
  process.stdout.write(`postbus sink ready smtp=${formatEndpoint(endpoint.host, port)}\n`);
  await done.promise;
  await new Promise<void>((resolve) => server.close(resolve));
  return 0;
}

function envelopeOf({ envelope }: SMTPServerSession) {
  return {
    returnPath: envelope.mailFrom === false ? "" : envelope.mailFrom.address,
    recipients: envelope.rcptTo.map(({ address }) => address),
  };
}
