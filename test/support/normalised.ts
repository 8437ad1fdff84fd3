/** What two servers cannot have in common: times, ids, ports, processes, sizes (line ends count as two octets here). */
const CHANGES: readonly (readonly [RegExp, string])[] = [
  [/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{3})?( [+-]\d{4})?( \[\d+\])? /, ""],
  [/\b[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}\b/g, "ID"],
  [/\[127\.0\.0\.1\]:\d+/g, "[127.0.0.1]:PORT"],
  [/ Ci=[0-9A-Za-z-]+/g, " Ci=ID"],
  [/ (RT|QT|DT|D)=(\d+\.\d{3}s|[0-9wdhms]+)/g, " $1=TIME"],
  [/ S=\d+/g, " S=SIZE"],
];

/** Lines about messages and sessions, as they can be compared. */
export function normalised(log: string): readonly string[] {
  return (
    log
      // The trace field is ours.
      .replace(/^P Received: .*\n(?:\t.*\n)+/gm, "")
      .split("\n")
      .map((line) => CHANGES.reduce((text, [pattern, by]) => text.replace(pattern, by), line))
      .filter((line) => line !== "" && !OTHERS.test(line))
  );
}

/** What a daemon says of itself. */
const OTHERS = /^(cwd=|exim \d|(Start|End) queue run|ID Berkeley|ID failed to open database lock)/;
