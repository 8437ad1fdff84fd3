import { type Driver, DriverSection } from "../reader/driver-section.ts";
import type { LineReader } from "../reader/line-reader.ts";
import type { Place, ProblemList } from "../reader/problem.ts";
import type { Section } from "../reader/section.ts";
import { destinationOptions, profileOptions, ruleOptions } from "./block-options.ts";
import { type Block, BlockSection } from "./block-section.ts";
import { engineDrivers, engineOptions } from "./engine-options.ts";

/** The sections of a BMI file, as they stand there. */
export interface SetupFile {
  readonly engines: readonly Driver[];
  readonly profiles: readonly Block<typeof profileOptions>[];
  readonly rules: readonly Block<typeof ruleOptions>[];
  readonly destinations: readonly Block<typeof destinationOptions>[];
}

const BEGIN = /^begin[\t-\r ]+([\s\S]*)$/i;

/** Reads the lines of a BMI file into its sections (docs/bmi.md). */
export function readSetupFile(reader: LineReader, problems: ProblemList): SetupFile {
  const family = { noun: "engine", generic: engineOptions, kinds: engineDrivers };
  const engines = new DriverSection(family, problems, () => undefined);
  const profiles = new BlockSection("profile", profileOptions, problems);
  const rules = new BlockSection("rule", ruleOptions, problems);
  const destinations = new BlockSection("destination", destinationOptions, problems);
  const sections = new Map<string, Section>([
    ["engines", engines],
    ["profiles", profiles],
    ["rules", rules],
    ["destinations", destinations],
  ]);
  const begun = new Set<string>();
  let current: Section = new NoSection(problems);
  for (let line = reader.next(); line !== undefined; line = reader.next()) {
    const [, name] = BEGIN.exec(line.text) ?? [];
    if (name === undefined) {
      current.line(line);
      continue;
    }
    current.end();
    const section = sections.get(name.toLowerCase());
    if (section === undefined) {
      const near = problems.suggest(name, () => sections.keys());
      problems.error(line.place, `"${name.slice(0, 60)}" is not a known section name${near}`);
    } else if (begun.has(name.toLowerCase())) problems.error(line.place, `"${name}" section is repeated`);
    begun.add(name.toLowerCase());
    current = section ?? SKIPPED;
  }
  current.end();
  return {
    engines: engines.drivers,
    profiles: profiles.blocks,
    rules: rules.blocks,
    destinations: destinations.blocks,
  };
}

const SKIPPED: Section = { line: () => undefined, end: () => undefined };

/** The lines before the first section: a file of another program is told so once. */
class NoSection implements Section {
  readonly #problems: ProblemList;
  #isTold = false;

  constructor(problems: ProblemList) {
    this.#problems = problems;
  }

  line({ place, text }: { readonly place: Place; readonly text: string }): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#problems.error(place, `"begin engines" is expected (docs/bmi.md), not "${text.slice(0, 60)}"`);
  }

  end(): void {
    // Nothing was kept.
  }
}
