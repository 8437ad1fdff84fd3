import { isAbsolute } from "node:path";
import type { OptionTable } from "../options/option.ts";
import type { Configuration } from "./configuration.ts";
import type { Driver } from "./driver-section.ts";
import type { OptionSet } from "./option-set.ts";
import type { Place, ProblemList } from "./problem.ts";
import type { ReadFile } from "./source-files.ts";
import { splitPlainList } from "./split-plain-list.ts";

/**
 * What a configuration needs of the machine it runs on: accounts and files that it names outright. (Names that are expanded
 * are known only when they are used.)
 */
export function checkMachine(configuration: Configuration, readFile: ReadFile, problems: ProblemList): void {
  const machine = new Machine(readFile, problems);
  machine.check("", configuration.main);
  const check = (noun: string, { name, options }: Driver): void => machine.check(`${noun} ${name}: `, options);
  for (const router of configuration.routers as readonly Driver[]) check("router", router);
  for (const transport of configuration.transports.values()) check("transport", transport as Driver);
  for (const authenticator of configuration.authenticators as readonly Driver[]) check("authenticator", authenticator);
}

/** Accounts are asked for often and rarely exist in great number: each file is read once. */
class Machine {
  readonly #readFile: ReadFile;
  readonly #problems: ProblemList;
  readonly #accounts = new Map<string, ReadonlySet<string>>();

  constructor(readFile: ReadFile, problems: ProblemList) {
    this.#readFile = readFile;
    this.#problems = problems;
  }

  check<T extends OptionTable>(subject: string, options: OptionSet<T>): void {
    for (const [name, { place, value }] of options.settings) {
      const option = options.table[name];
      if (option?.status.kind !== "supported" || typeof value !== "string" || value.includes("$")) continue;
      switch (option.type) {
        case "user":
        case "user*":
          this.#account("user", "/etc/passwd", value, place, `${subject}${name}`);
          break;
        case "group":
        case "group*":
          this.#account("group", "/etc/group", value, place, `${subject}${name}`);
          break;
        case "users":
          for (const item of splitPlainList(value))
            this.#account("user", "/etc/passwd", item, place, `${subject}${name}`);
          break;
        case "groups":
          for (const item of splitPlainList(value))
            this.#account("group", "/etc/group", item, place, `${subject}${name}`);
          break;
        case "file*":
          for (const item of splitPlainList(value)) this.#file(item, place, `${subject}${name}`);
          break;
        default:
      }
    }
  }

  #account(noun: string, file: string, name: string, place: Place, subject: string): void {
    if (name === "" || /^[0-9]+$/.test(name) || this.#names(file).has(name)) return;
    this.#problems.machine(place, `${subject}: there is no ${noun} "${name}" in ${file}`);
  }

  #names(file: string): ReadonlySet<string> {
    const known = this.#accounts.get(file);
    if (known !== undefined) return known;
    let text = "";
    try {
      text = Buffer.from(this.#readFile(file) ?? "").toString("latin1");
    } catch {
      // Not to be read is as good as empty: each name that is asked for is reported.
    }
    const names = new Set(text.split("\n").map((line) => line.split(":", 1)[0] ?? ""));
    this.#accounts.set(file, names);
    return names;
  }

  #file(path: string, place: Place, subject: string): void {
    if (!isAbsolute(path)) return;
    try {
      if (this.#readFile(path) !== undefined) return;
      this.#problems.machine(place, `${subject}: ${path}: there is no such file`);
    } catch (err) {
      if (err instanceof Error && "code" in err && err.code === "EISDIR") return;
      this.#problems.machine(
        place,
        `${subject}: ${path}: cannot be read: ${err instanceof Error ? err.message : String(err)}`,
      );
    }
  }
}
