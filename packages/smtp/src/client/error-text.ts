/** What is kept of a peer's words: Exim shows so much of a confirmation, and the log's readers expect it bounded. */
const MAX_TEXT = 1024;

const NOT_PRINTABLE = /[^\x20-\x7e]/;

/** Exim's `string_printing`: line ends between the lines of a reply become `\n`, other odd characters octal. */
export function printable(text: string): string {
  const cut = text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text;
  if (!NOT_PRINTABLE.test(cut)) return cut;
  return cut.replace(/[^\x20-\x7e]/g, (c) => {
    if (c === "\n") return "\\n";
    if (c === "\r") return "\\r";
    if (c === "\t") return "\\t";
    return `\\${(c.charCodeAt(0) & 0xff).toString(8).padStart(3, "0")}`;
  });
}

/** Why the connection is of no use any more. */
export type Loss =
  | { readonly kind: "closed" }
  | { readonly kind: "timeout" }
  /** @property errno Of the operating system. @property text Its words: `Connection refused`. */
  | { readonly kind: "error"; readonly errno: number; readonly text: string };

/** An error as Exim logs it: number and words. */
export interface Trouble {
  readonly errno: number;
  readonly text: string;
}

/** Exim's own error numbers, shown in `defer (N)` (spec: SMTP transport §4). */
export const errnos = {
  /** An error on our side of the wire. */
  own: -1,
  /** The peer refused before any message was offered: Exim gives no number. */
  none: 0,
  timeout: 110,
  closed: -18,
  malformed: -19,
  hostLookup: -32,
  tls: -37,
  tlsRequired: -38,
  rcpt4xx: -44,
  mail4xx: -45,
  data4xx: -46,
  smtpUtf8: -49,
  requireTls: -50,
  retryTime: -54,
} as const;

/** @param command With `pipelined ` before it where that is so. @param octetsWritten Of the content. */
export function lossTrouble(loss: Loss, command: string, host: string, octetsWritten = 0): Trouble {
  switch (loss.kind) {
    case "closed":
      return { errno: errnos.closed, text: `Remote host closed connection in response to ${command}` };
    case "timeout": {
      const written = octetsWritten > 0 ? ` (${octetsWritten} bytes written)` : "";
      return { errno: errnos.timeout, text: `SMTP timeout after ${command}${written}` };
    }
    case "error":
      return { errno: loss.errno, text: `smtp send to ${host} failed: ${loss.text}` };
  }
}

export function malformedTrouble(said: string, command: string): Trouble {
  const words = printable(said).trimStart();
  const text =
    words === ""
      ? `Malformed SMTP reply (an empty line) in response to ${command}`
      : `Malformed SMTP reply in response to ${command}: ${words}`;
  return { errno: errnos.malformed, text };
}

export function replyText(command: string, said: string): string {
  return `SMTP error from remote mail server after ${command}: ${printable(said)}`;
}
