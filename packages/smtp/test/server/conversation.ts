import type { Reply } from "@postbus/mail";
import { reply } from "@postbus/mail";
import type { ClientStanding } from "../../src/server/client-standing.ts";
import { ServerSession } from "../../src/server/session.ts";
import { type SessionSettings, sessionProfile } from "../../src/server/session-profile.ts";
import type { SessionStep } from "../../src/server/session-step.ts";

export const settings: SessionSettings = {
  hostname: "mx.test",
  messageSizeLimit: 100_000,
  recipientsMax: 100,
  receivedHeadersMax: 30,
  headerMaxOctets: 10_000,
  maxSyntaxErrors: 3,
  maxUnknownCommands: 3,
  offersTls: true,
};

/** What the owner of a session saw and said. */
export interface Conversation {
  /** All that was written, replies one after another. */
  readonly output: string;
  /** The code of each reply, the greeting's first. */
  readonly codes: readonly string[];
  /** Envelope and content of each message that came to its end. */
  readonly messages: readonly { returnPath: string; recipients: readonly string[]; content: string }[];
  readonly steps: readonly SessionStep[];
  readonly isClosed: boolean;
}

export interface Decisions {
  readonly settings?: Partial<SessionSettings>;
  /** Undefined accepts. */
  readonly decide?: (step: SessionStep) => Reply | undefined;
  /** Instead of the usual words of an acceptance. */
  readonly say?: (step: SessionStep) => Reply | undefined;
  /** Refusals end the session. */
  readonly drops?: boolean;
  /** What is known of the client. */
  readonly standing?: Partial<ClientStanding>;
  /** A PROXY header was wanted and did not come. */
  readonly lacksProxyHeader?: boolean;
  /** What came before the greeting. */
  readonly early?: string;
}

/** Drives a session as a server does: each chunk is one reading from the socket. */
export function converse(chunks: readonly (string | Buffer)[], decisions: Decisions = {}): Conversation {
  const session = new ServerSession(sessionProfile({ ...settings, ...decisions.settings }), "192.0.2.1");
  session.standing = { ...session.standing, ...decisions.standing };
  const steps: SessionStep[] = [];
  const messages: { returnPath: string; recipients: string[]; content: string }[] = [];
  let message = { returnPath: "", recipients: [] as string[], content: "" };
  let output = "";
  let isClosed = false;

  const answer = (step: SessionStep, onAccept: () => void): void => {
    const refusal = decisions.decide?.(step);
    if (refusal === undefined) {
      onAccept();
      session.accept(decisions.say?.(step));
    } else {
      session.refuse(refusal, decisions.drops);
    }
  };
  /** LOGIN-like: two questions, and `pass` is right. */
  const authenticate = (step: Extract<SessionStep, { kind: "auth" | "auth line" }>): void => {
    if (step.kind === "auth line" && step.line !== "more") {
      const isRight = step.line === "pass";
      const end = isRight ? reply(235, "2.7.0", "welcome") : reply(535, "5.7.8", "no");
      session.authenticationEnded(end, isRight ? "authenticated" : "refused");
    } else if (step.kind === "auth" && step.mechanism !== "LOGIN") {
      session.authenticationEnded(reply(504, "5.5.4", "unknown"), "unknown");
    } else session.challenge("VXNlcg==");
  };
  const pump = (): void => {
    for (;;) {
      const step = session.next();
      if (step.kind !== "read") steps.push(step);
      switch (step.kind) {
        case "connect":
        case "helo":
        case "starttls":
        case "data":
          answer(step, () => undefined);
          break;
        case "path":
          session.readPath(step.path);
          break;
        case "mail":
          answer(step, () => {
            message = { returnPath: step.returnPath, recipients: [], content: "" };
          });
          break;
        case "recipient":
          answer(step, () => message.recipients.push(step.address));
          break;
        case "header":
        case "content":
          message.content += step.octets.toString("latin1");
          break;
        case "end": {
          messages.push(message);
          const decided = decisions.decide?.(step);
          session.finish(decided ?? reply(250, "2.0.0", "OK id=1"), undefined, decided === undefined);
          break;
        }
        case "error":
        case "refused":
        case "reset":
          break;
        case "xclient":
          session.restart(step.client.address ?? "", step.client);
          break;
        case "vrfy":
        case "expn":
        case "etrn":
        case "quit":
          session.respond(decisions.decide?.(step), decisions.drops);
          break;
        case "auth":
        case "auth line":
          authenticate(step);
          break;
        case "read":
          output += session.takeOutput();
          return;
        case "handshake":
          output += session.takeOutput();
          session.tlsEstablished();
          break;
        case "close":
          output += session.takeOutput();
          isClosed = true;
          return;
        default:
          throw new Error(`unexpected step ${JSON.stringify(step satisfies never)}`);
      }
    }
  };
  if (decisions.lacksProxyHeader === true) session.lackProxyHeader();
  if (decisions.early !== undefined) session.receive(Buffer.from(decisions.early, "latin1"));
  pump();
  for (const chunk of chunks) {
    if (isClosed) break;
    session.receive(typeof chunk === "string" ? Buffer.from(chunk, "latin1") : chunk);
    pump();
  }
  return { output, codes: codesOf(output), messages, steps, isClosed };
}

/** One code for each reply; a reply's earlier lines have a hyphen behind theirs. */
export function codesOf(output: string): readonly string[] {
  return output
    .split("\r\n")
    .filter((line) => /^[0-9]{3} /.test(line))
    .map((line) => line.slice(0, 3));
}

/** Cuts a text into pieces of at most `size`. */
export function inPieces(text: string, size: number): readonly string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size));
}
