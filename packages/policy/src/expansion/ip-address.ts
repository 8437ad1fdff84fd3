/** The eight 16-bit groups of a valid IPv6 address in any of its forms (RFC 4291 §2.2); a zone (`%eth0`) is dropped. */
export function groupsOf(address: string): number[] {
  const [plain = ""] = address.split("%");
  const [head = "", tail] = plain.split("::");
  const before = groups(head);
  if (tail === undefined) return before;
  const after = groups(tail);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function groups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

/** The longest run of zeros, the first of several, becomes `::`: of one group as well, as Exim has it (RFC 5952 §4.2.2 would not). */
export function formatIpv6(parts: readonly number[]): string {
  let best = { start: -1, length: 0 };
  for (let start = 0; start < parts.length; start++) {
    let length = 0;
    while (parts[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const text = (from: number, to?: number): string =>
    parts
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  if (best.start === -1) return text(0);
  return `${text(0, best.start)}::${text(best.start + best.length)}`;
}
