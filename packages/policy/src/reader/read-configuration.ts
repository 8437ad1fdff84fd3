import { createHash } from "node:crypto";
import { readBmiSetup } from "../bmi/read-bmi-setup.ts";
import type { Configuration } from "./configuration.ts";
import { LineReader } from "./line-reader.ts";
import { checkMachine } from "./machine.ts";
import { MacroTable } from "./macro-table.ts";
import { predefinedMacros } from "./predefined-macros.ts";
import { type Place, type Problem, ProblemList } from "./problem.ts";
import { checkReferences } from "./references.ts";
import { Sections } from "./sections.ts";
import type { ReadFile } from "./source-files.ts";
import { ValueError } from "./value-error.ts";

export interface ReadOptions {
  /** Path of the configuration. */
  readonly file: string;
  /** Win over definitions of the same name in the file. */
  readonly macros?: ReadonlyMap<string, string>;
  /** Further predefined macros (`_EXP_…`), besides those of the option tables. */
  readonly features?: Iterable<string>;
  readonly readFile: ReadFile;
}

const BEGIN = /^begin[\t-\r ]+([\s\S]*)$/i;

/**
 * Reads a whole configuration in Exim's language, and everything that is wrong with it in one run. Nothing is expanded, and
 * nothing is changed outside. Takes time by the length of the file, and no more memory than a multiple of it, whatever is
 * in it.
 *
 * @returns what could be read, and all problems in the order in which they were found. With an `error` among them the
 *   configuration is not to be used.
 */
export function readConfiguration(options: ReadOptions): {
  readonly configuration: Configuration;
  readonly problems: readonly Problem[];
} {
  const { file, macros: given = new Map(), features = [], readFile } = options;
  const whole: Place = { file, line: 0 };
  const problems = new ProblemList();
  const hash = createHash("sha256");
  for (const [name, value] of [...given].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(`${name}\0${value}\0`);
  const hashing: ReadFile = (path) => {
    const content = readFile(path);
    hash.update(`\0${path}\0${content?.length}\0`);
    if (content !== undefined) hash.update(content);
    return content;
  };

  const predefined = (): ReadonlyMap<string, string> => predefinedMacros(features);
  const macros = attempt(problems, whole, () => new MacroTable(predefined, given));
  const table = macros ?? new MacroTable(predefined, new Map());
  const reader = attempt(problems, whole, () => new LineReader({ file, readFile: hashing, macros: table, problems }));
  const sections = new Sections(problems);
  for (let line = reader?.next(); line !== undefined; line = reader?.next()) {
    const [, name] = BEGIN.exec(line.text) ?? [];
    if (name === undefined) sections.current.line(line);
    else sections.begin(name, line.place);
  }
  sections.current.end();

  const result = sections.result();
  const definitions = table.definitions();
  const { setup: bmi, files } = readBmiSetup(result, { file, readFile: hashing, macros: table, problems });
  const configuration: Configuration = {
    ...result,
    ...(bmi === undefined ? {} : { bmi }),
    version: hash.digest("hex").slice(0, 16),
    files: [...(reader?.files ?? [{ path: file, isThere: false }]), ...files],
    macros: definitions,
  };
  for (const name of table.unusedFromOutside()) problems.notice(whole, `macro ${name} is given but not used`);
  sections.noticeIgnored(whole);
  checkReferences(configuration, problems);
  checkMachine(configuration, readFile, problems);
  return { configuration, problems: problems.all };
}

function attempt<T>(problems: ProblemList, place: Place, action: () => T): T | undefined {
  try {
    return action();
  } catch (err) {
    if (!(err instanceof ValueError)) throw err;
    // A problem with the file as a whole does not name it twice.
    const named = place.line === 0 ? `${place.file}: ` : "";
    problems.error(place, err.message.startsWith(named) ? err.message.slice(named.length) : err.message);
    return undefined;
  }
}
