import { lowerCase } from "../expansion/operators/case.ts";
import { Tainted, textOf, type Value } from "../expansion/value.ts";
import type { NamedHost, Subject } from "./item.ts";

/** The client host of a host list. */
export interface HostSubject {
  /** IP address; empty: the message did not come by TCP/IP. */
  readonly address: string;
  /** `$sender_host_name`, if it is known already. */
  readonly name?: string | undefined;
  /** Whose names these are: what is found out of them is kept there, as is what is known already. */
  readonly host?: NamedHost;
}

export function subjectOf(subject: Value | HostSubject): Subject {
  if (typeof subject === "string" || subject instanceof Tainted) {
    const text = textOf(subject);
    return { value: subject, text, lower: lowerCase(text) };
  }
  const { address, host, name = host?.hostName } = subject;
  return { value: address, text: address, lower: lowerCase(address), hostName: name, host };
}
