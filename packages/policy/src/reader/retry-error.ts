import { readTime } from "./option-value.ts";
import { ValueError } from "./value-error.ts";

/** Which kind of host a connection problem must have been with; undefined: any. */
export type HostKind = "MX" | "A";

/** The errors that a retry rule is for. */
export type RetryError =
  | { readonly kind: "any" | "auth_failed" | "lost_connection" | "lookup" | "tls_required" }
  | { readonly kind: "refused"; readonly hosts: HostKind | undefined }
  | {
      readonly kind: "timeout";
      readonly hosts: HostKind | undefined;
      /** Only timeouts of the connection itself. */
      readonly isConnect: boolean;
    }
  /** `timeout_DNS`, which nothing reports any more. */
  | { readonly kind: "timeout_dns" }
  | {
      readonly kind: "mail_4xx" | "rcpt_4xx" | "data_4xx";
      /** Digits of the reply code, `x` for any: `4xx`, `45x`, `452`. */
      readonly code: string;
    }
  | {
      readonly kind: "quota";
      /** Only if the mailbox was not read for so long. */
      readonly unreadForMs: number;
    };

const WORDS = ["auth_failed", "lost_connection", "lookup", "tls_required"] as const;

/** Reads the second item of a retry rule (Exim's manual, "Retry rules for specific errors"). @throws {ValueError} */
export function parseRetryError(text: string): RetryError {
  if (text === "*") return { kind: "any" };
  const lower = text.toLowerCase();
  const word = WORDS.find((one) => one === lower);
  if (word !== undefined) return { kind: word };
  if (lower === "timeout_dns") return { kind: "timeout_dns" };
  const [, command = "", code] = /^(mail|rcpt|data)_4(.*)$/s.exec(lower) ?? [];
  if (code !== undefined) {
    // The x is literal: a capital one is not taken.
    if (!/^([0-9][0-9x]|xx)$/.test(text.slice(6))) {
      throw new ValueError(`${text}: the code must be 4xx, 4dx or 4dd, where d is a digit`);
    }
    return { kind: `${command}_4xx` as "rcpt_4xx", code: `4${code}` };
  }
  if (lower === "quota") return { kind: "quota", unreadForMs: 0 };
  if (lower.startsWith("quota_")) return { kind: "quota", unreadForMs: readTime(text.slice("quota_".length)) };
  const [, isRefused, hostsOfRefused] = /^(refused)(?:_(a|mx))?$/.exec(lower) ?? [];
  if (isRefused !== undefined) return { kind: "refused", hosts: hostKind(hostsOfRefused) };
  const [isTimeout, connect, hosts] = /^timeout(_connect)?(?:_(a|mx))?$/.exec(lower) ?? [];
  if (isTimeout !== undefined) return { kind: "timeout", isConnect: connect !== undefined, hosts: hostKind(hosts) };
  throw new ValueError(`unknown or malformed retry error "${text}"`);
}

function hostKind(word: string | undefined): HostKind | undefined {
  return word === undefined ? undefined : word === "a" ? "A" : "MX";
}
