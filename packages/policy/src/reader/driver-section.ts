import type { DriverRules, DriverTable } from "../options/driver-table.ts";
import type { OptionTable } from "../options/option.ts";
import type { LogicalLine } from "./line-reader.ts";
import { OptionCollector } from "./option-collector.ts";
import type { OptionSet } from "./option-set.ts";
import type { Place, ProblemList } from "./problem.ts";
import type { Section } from "./section.ts";
import { parseSettingLine } from "./setting-line.ts";

/** A router, a transport or an authenticator. */
export interface Driver {
  readonly name: string;
  /** The value of its `driver` option. */
  readonly kind: string;
  /** Its first line. */
  readonly place: Place;
  readonly options: OptionSet<OptionTable>;
  /** The same, for those who look at what all kinds have. */
  readonly generic: OptionSet<OptionTable>;
}

/** What may stand in a section of drivers. */
export interface DriverFamily {
  /** `router`, for problems. */
  readonly noun: string;
  readonly generic: OptionTable;
  readonly kinds: Readonly<Record<string, DriverTable>>;
  /** Rules for all of them. */
  readonly check?: (rules: DriverRules, kind: string) => void;
}

interface OpenDriver {
  readonly name: string;
  readonly place: Place;
  readonly collector: OptionCollector;
  kind: string | undefined;
  /** Undefined as long as the driver is not known; then it has only generic options. */
  table: DriverTable | undefined;
}

const HEADER = /^([A-Za-z][A-Za-z0-9_]*)[\t-\r ]*:[\t-\r ]*([\s\S]*)$/;
/** As in Exim. */
const MAX_NAME_OCTETS = 63;

/** Reads `begin routers`, `begin transports` or `begin authenticators` (Exim's manual, "Driver configurations"). */
export class DriverSection implements Section {
  readonly #family: DriverFamily;
  readonly #problems: ProblemList;
  readonly #noteIgnored: (name: string, place: Place) => void;
  readonly #drivers = new Map<string, Driver>();
  /** The generic options and those of a kind in one table. */
  readonly #tables = new Map<DriverTable, OptionTable>();
  #open: OpenDriver | undefined;

  constructor(family: DriverFamily, problems: ProblemList, noteIgnored: (name: string, place: Place) => void) {
    this.#family = family;
    this.#problems = problems;
    this.#noteIgnored = noteIgnored;
  }

  /** Those that are complete, in the order of the file. */
  get drivers(): readonly Driver[] {
    return [...this.#drivers.values()];
  }

  line(line: LogicalLine): void {
    const [, name, rest] = HEADER.exec(line.text) ?? [];
    if (name !== undefined) this.#begin(name, rest ?? "", line.place);
    else if (this.#open === undefined) this.#problems.error(line.place, `${this.#family.noun} name missing`);
    else this.#option(this.#open, line);
  }

  end(): void {
    if (this.#open !== undefined) this.#finish(this.#open);
    this.#open = undefined;
  }

  #begin(name: string, rest: string, place: Place): void {
    this.end();
    const { noun } = this.#family;
    if (rest !== "") this.#problems.error(place, `characters after the ${noun} name ${name}`);
    if (name.length > MAX_NAME_OCTETS)
      this.#problems.error(place, `${noun} name longer than ${MAX_NAME_OCTETS} characters`);
    const first = this.#drivers.get(name);
    if (first !== undefined) this.#problems.error(place, `there are two ${noun}s called "${name}"`);
    const collector = new OptionCollector(`${noun} ${name}`, this.#problems, this.#noteIgnored);
    this.#open = { name, place, collector, kind: undefined, table: undefined };
  }

  #option(open: OpenDriver, { place, text }: LogicalLine): void {
    const line = parseSettingLine(text);
    const { generic, noun } = this.#family;
    if (line === undefined) {
      this.#problems.error(place, `${noun} ${open.name}: option setting expected: ${text.slice(0, 60)}`);
    } else if (open.table !== undefined) {
      open.collector.add(line, place, open.table.options, generic);
    } else if (
      open.kind === undefined &&
      !Object.hasOwn(generic, line.name.replace(/^not?_/, "")) &&
      this.#isPrivate(line.name)
    ) {
      this.#problems.error(
        place,
        `${noun} ${open.name}: option "${line.name}" unknown ("driver" must be specified before any private options)`,
      );
    } else if (open.kind !== undefined && !Object.hasOwn(generic, line.name.replace(/^not?_/, ""))) {
      // A driver that is not known was reported; nobody can say what its options are.
    } else {
      open.collector.add(line, place, generic);
      if (line.name === "driver") this.#driver(open, place);
    }
  }

  #isPrivate(name: string): boolean {
    return Object.values(this.#family.kinds).some((kind) => Object.hasOwn(kind.options, name.replace(/^not?_/, "")));
  }

  #driver(open: OpenDriver, place: Place): void {
    const kind = open.collector.finish(this.#family.generic).get("driver");
    if (typeof kind !== "string") return;
    const { noun, kinds } = this.#family;
    open.kind = kind;
    if (!Object.hasOwn(kinds, kind)) {
      this.#problems.error(
        place,
        `${noun} ${open.name}: there is no ${noun} driver "${kind}"${this.#problems.suggest(kind, () => Object.keys(kinds))}`,
      );
      return;
    }
    open.table = kinds[kind];
    const status = open.table?.status;
    if (status?.kind === "later")
      this.#problems.error(place, `${noun} ${open.name}: driver ${kind}: not available: ${status.what}`);
  }

  #finish({ name, place, collector, kind, table }: OpenDriver): void {
    const { noun, generic } = this.#family;
    if (kind === undefined) this.#problems.error(place, `no driver defined for ${noun} "${name}"`);
    if (kind === undefined || table === undefined) return;
    let whole = this.#tables.get(table);
    if (whole === undefined) {
      whole = { ...generic, ...table.options };
      this.#tables.set(table, whole);
    }
    const options = collector.finish(whole);
    const rules = { options, error: (text: string) => this.#problems.error(place, `${noun} ${name}: ${text}`) };
    this.#family.check?.(rules, kind);
    if (table.status.kind === "supported") table.check?.(rules);
    if (!this.#drivers.has(name)) this.#drivers.set(name, { name, kind, place, options, generic: options });
  }
}
