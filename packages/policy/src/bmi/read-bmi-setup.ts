import { dirname, isAbsolute, join } from "node:path";
import type { BmiSetup } from "@postbus/contracts";
import type { Configuration } from "../reader/configuration.ts";
import { LineReader } from "../reader/line-reader.ts";
import type { MacroTable } from "../reader/macro-table.ts";
import type { Place, ProblemList } from "../reader/problem.ts";
import { MissingFile, type ReadFile, type SourceFile } from "../reader/source-files.ts";
import { SetupBuilder } from "./build-setup.ts";
import { readSetupFile } from "./setup-file.ts";

/** Octets of a setup as it goes along with each question to scanner. */
const MAX_SETUP = 65_536;

export interface BmiReading {
  /** Undefined: nobody is asked. */
  readonly setup: BmiSetup | undefined;
  /** What was read for it, or looked for in vain. */
  readonly files: readonly SourceFile[];
}

interface ReadOptions {
  /** Path of the configuration: names are relative to its directory. */
  readonly file: string;
  readonly readFile: ReadFile;
  readonly macros: MacroTable;
  readonly problems: ProblemList;
}

/** Whether an ACL may say `control = bmi_run`. */
export function runsBmi({ acls }: Pick<Configuration, "acls">): boolean {
  return [...acls.values()].some(({ statements }) =>
    statements.some(({ items }) =>
      items.some(({ name, value }) => name === "control" && (value.includes("bmi_run") || /^[^/]*\$/.test(value))),
    ),
  );
}

/**
 * Reads the file that `bmi_config_file` names, if a message can ever be scanned. Where there is none, nothing is scanned, and
 * the operator is told: the file's usual name is that of another program.
 */
export function readBmiSetup(
  configuration: Pick<Configuration, "main" | "acls">,
  { file, readFile, macros, problems }: ReadOptions,
): BmiReading {
  const { main } = configuration;
  if (!runsBmi(configuration)) return { setup: undefined, files: [] };
  const place: Place = main.setting("bmi_config_file")?.place ?? { file, line: 0 };
  const name = main.get("bmi_config_file");
  const path = isAbsolute(name) ? name : join(dirname(file), name);
  let isThere = false;
  const noticing: ReadFile = (wanted) => {
    isThere = true;
    const content = readFile(wanted);
    isThere = content !== undefined;
    return content;
  };
  let reader: LineReader;
  try {
    reader = new LineReader({ file: path, readFile: noticing, macros, problems });
  } catch (err) {
    if (!(err instanceof MissingFile)) throw err;
    missing(err.message, isThere || main.get("bmi_on_error") === "defer", place, problems);
    return { setup: undefined, files: [{ path, isThere }] };
  }
  const errors = problems.all.length;
  const sections = readSetupFile(reader, problems);
  const setup = new SetupBuilder(sections, problems).build();
  const whole: Place = { file: path, line: 0 };
  if (problems.all.length === errors) {
    if (setup.engines.length === 0) problems.error(whole, "no engine is defined");
    if (JSON.stringify(setup).length > MAX_SETUP) problems.error(whole, `more than ${MAX_SETUP} octets are in it`);
  }
  return { setup, files: reader.files };
}

/** Mail that must be scanned cannot be taken; other mail can, unless somebody has given the file a content. */
function missing(text: string, mustBeThere: boolean, place: Place, problems: ProblemList): void {
  if (mustBeThere) problems.machine(place, `bmi_config_file: ${text}`);
  else problems.notice(place, `bmi_config_file: ${text}: "control = bmi_run" has no effect`);
}
