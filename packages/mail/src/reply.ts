/** RFC 3463 enhanced status code: class.subject.detail, e.g. `4.7.1`. */
export type EnhancedStatus = `${2 | 4 | 5}.${number}.${number}`;

/** An SMTP reply as a plain value (RFC 5321 §4.2): made by policy, compared in tests, carried on the bus. */
export interface Reply {
  readonly code: number;
  /** Absent where RFC 2034 §3 wants none: the greeting, EHLO, 354. */
  readonly status?: EnhancedStatus;
  readonly lines: readonly [string, ...string[]];
}

export function reply(code: number, status: EnhancedStatus, ...lines: [string, ...string[]]): Reply {
  return { code, status, lines };
}

/** 4yz: the sender may try again (RFC 5321 §4.2.1). */
export const isTransient = (r: Reply): boolean => r.code >= 400 && r.code < 500;

/** 5yz: the sender must not try again unchanged (RFC 5321 §4.2.1). */
export const isPermanent = (r: Reply): boolean => r.code >= 500;

/**
 * The octets to send (a latin1 string), CRLF included.
 *
 * Reply text can hold sender-controlled words (`$sender_address`, a DNSBL's TXT record), so every control
 * character but the tab (RFC 5321 §4.2: textstring) becomes a space: otherwise a CR LF in the text would let a peer write our replies for us.
 */
export function formatReply(r: Reply): string {
  const prefix = r.status === undefined ? "" : `${r.status} `;
  return r.lines
    .map((line, i) => {
      const separator = i === r.lines.length - 1 ? " " : "-";
      // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
      return `${r.code}${separator}${prefix}${line.replace(/[\x00-\x08\x0a-\x1f\x7f]/g, " ")}\r\n`;
    })
    .join("");
}
