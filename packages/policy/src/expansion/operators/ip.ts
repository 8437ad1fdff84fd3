import { isIPv4, isIPv6 } from "node:net";
import { ExpansionFailure } from "../failures.ts";
import { formatIpv6, groupsOf } from "../ip-address.ts";
import type { PureOperator } from "../operator.ts";

/** `${mask:10.1.2.3/8}` → `10.0.0.0/8`; IPv6 in full, with dots, as a key for lsearch. `mask_n`: in its usual form. */
export const mask: PureOperator = {
  name: "mask",
  takesArgument: true,
  apply(subject, argument) {
    const [, address = "", length] = /^([^/]*)(?:\/([0-9]{0,9}))?$/.exec(subject) ?? [];
    if (!isIPv4(address) && !isIPv6(address)) throw new ExpansionFailure(`"${subject}" is not an IP address`);
    if (length === undefined) throw new ExpansionFailure(`missing mask value in "${subject}"`);
    const bits = Number(length);
    if (bits > (isIPv4(address) ? 32 : 128)) throw new ExpansionFailure(`mask value too big in "${subject}"`);
    if (isIPv4(address)) return `${masked(address.split(".").map(Number), bits, 8).join(".")}/${bits}`;
    const groups = masked(groupsOf(address), bits, 16);
    return `${argument === "n" ? formatIpv6(groups) : groups.map(fourDigits).join(".")}/${bits}`;
  },
};

/** `${ipv6norm:2001:0db8:0:0::1}` → `2001:db8::1`: the shortest form; IPv4 as mapped address. */
export const ipv6norm: PureOperator = { name: "ipv6norm", apply: (subject) => formatIpv6(ipv6Groups(subject)) };

/** `${ipv6denorm:2001:db8::1}`: eight times four digits. */
export const ipv6denorm: PureOperator = {
  name: "ipv6denorm",
  apply: (subject) => ipv6Groups(subject).map(fourDigits).join(":"),
};

/** `${reverse_ip:192.0.2.4}` → `4.2.0.192`; IPv6 gives 32 dotted nibbles, as in ip6.arpa (RFC 3596 §2.5). A mask is dropped. */
export const reverseIp: PureOperator = {
  name: "reverse_ip",
  apply(subject) {
    const [, address = subject] = /^([^/]*)\/[0-9]+$/.exec(subject) ?? [];
    const [, mapped = address] = /^::ffff:([0-9.]+)$/i.exec(address) ?? [];
    if (isIPv4(mapped)) return mapped.split(".").reverse().join(".");
    if (!isIPv6(address)) throw new ExpansionFailure(`reverse_ip() not given an IP address [${subject}]`);
    return Array.from(groupsOf(address).map(fourDigits).join("")).reverse().join(".");
  },
};

const fourDigits = (group: number): string => group.toString(16).padStart(4, "0");

function masked(parts: readonly number[], bits: number, width: number): number[] {
  return parts.map((part, i) => {
    const kept = Math.min(width, Math.max(0, bits - i * width));
    return part & ~((1 << (width - kept)) - 1);
  });
}

function ipv6Groups(subject: string): number[] {
  if (isIPv4(subject)) return groupsOf(`::ffff:${subject}`);
  if (isIPv6(subject)) return groupsOf(subject);
  throw new ExpansionFailure(`"${subject}" is not an IP address`);
}
