import type { LogicalLine } from "./line-reader.ts";

/** A part of the configuration that begins with `begin NAME`, while it is read. */
export interface Section {
  line(line: LogicalLine): void;
  /** The section is over. */
  end(): void;
}
