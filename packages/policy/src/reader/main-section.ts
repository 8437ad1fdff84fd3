import { type MainOptions, mainOptions } from "../options/main/index.ts";
import type { LogicalLine } from "./line-reader.ts";
import { NamedLists } from "./named-lists.ts";
import type { OptionCollector } from "./option-collector.ts";
import type { OptionSet } from "./option-set.ts";
import type { ProblemList } from "./problem.ts";
import type { Section } from "./section.ts";
import { parseSettingLine } from "./setting-line.ts";

/** The options and named lists in front of the first `begin`. */
export class MainSection implements Section {
  readonly lists: NamedLists;
  readonly #options: OptionCollector;
  readonly #problems: ProblemList;

  constructor(options: OptionCollector, problems: ProblemList) {
    this.#options = options;
    this.#problems = problems;
    this.lists = new NamedLists(problems);
  }

  get options(): OptionSet<MainOptions> {
    return this.#options.finish(mainOptions);
  }

  line({ place, text }: LogicalLine): void {
    if (this.lists.takes(place, text)) return;
    const line = parseSettingLine(text);
    if (line === undefined) this.#problems.error(place, `option setting expected: ${text.slice(0, 60)}`);
    else if (/^[A-Z]/.test(line.name)) this.#problems.error(place, "malformed macro definition");
    else this.#options.add(line, place, mainOptions);
  }

  end(): void {
    // Nothing is left over: each line is complete.
  }
}
