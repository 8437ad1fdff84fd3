import type { Configuration } from "../../src/reader/configuration.ts";
import { formatProblem, type ProblemKind } from "../../src/reader/problem.ts";
import { readConfiguration } from "../../src/reader/read-configuration.ts";

/** A configuration as a test writes it: as text, beside the files that it includes. */
export interface TestSource {
  readonly text: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly macros?: Readonly<Record<string, string>>;
}

/** Reads a text as if it were the file `/c`; each character is an octet. */
export function readText(source: TestSource | string): {
  readonly configuration: Configuration;
  readonly all: readonly string[];
  readonly of: (kind: ProblemKind) => readonly string[];
} {
  const { text, files = {}, macros = {} } = typeof source === "string" ? { text: source } : source;
  const contents = new Map(Object.entries({ ...files, "/c": text }));
  const { configuration, problems } = readConfiguration({
    file: "/c",
    macros: new Map(Object.entries(macros)),
    readFile: (path) => {
      const content = contents.get(path);
      return content === undefined ? undefined : Buffer.from(content, "latin1");
    },
  });
  return {
    configuration,
    all: problems.map(formatProblem),
    of: (kind) => problems.filter((problem) => problem.kind === kind).map(formatProblem),
  };
}
