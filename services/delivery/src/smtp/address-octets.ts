import { isIPv4 } from "node:net";

/** An IP address, without its zone, as 4 or 16 octets. */
export function addressOctets(address: string): readonly number[] {
  return isIPv4(address) ? address.split(".").map(Number) : ipv6Octets(address);
}

function ipv6Octets(address: string): number[] {
  const [head = "", tail] = (address.split("%")[0] ?? "").split("::");
  const groups = (text: string): number[] =>
    text.split(":").flatMap((group) => {
      if (group === "") return [];
      if (group.includes(".")) return group.split(".").map(Number);
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    });
  const [before, after] = [groups(head), groups(tail ?? "")];
  return [...before, ...new Array<number>(Math.max(0, 16 - before.length - after.length)).fill(0), ...after];
}
