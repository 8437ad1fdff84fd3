import { ConfigError, nearestName } from "@postbus/mail";
import { ValueError } from "./problems.ts";

/** Where a macro's text stands: `file:line`, or that it was given from outside. */
interface Macro {
  readonly value: string;
  readonly where: string;
  readonly isFromOutside: boolean;
}

const NAME = /^[A-Z][A-Za-z0-9_]*$/;
const OUTSIDE = "macro given from outside";

/** Exim's macros: plain text substitution, in the order of definition (Exim specification, "Macros in the configuration file"). */
export class Macros {
  readonly #macros = new Map<string, Macro>();
  readonly #used = new Set<string>();

  /** @param given Win over definitions of the same name in the file. @throws {ValueError} a name that cannot be one. */
  constructor(given: ReadonlyMap<string, string>) {
    for (const [name, value] of given) {
      if (!NAME.test(name)) throw new ValueError(`${OUTSIDE}: "${name}" is not a macro name`);
      this.#macros.set(name, { value, where: `${OUTSIDE} (${name})`, isFromOutside: true });
    }
  }

  /** @param isAgain `==`: the name must be defined; with `=` it must not be. */
  define(name: string, value: string, isAgain: boolean, where: string): void {
    const old = this.#macros.get(name);
    if (old?.isFromOutside === true) {
      this.#used.add(name);
      return;
    }
    if (old !== undefined && !isAgain)
      throw new ValueError(`macro "${name}" is already defined (use == to redefine it)`);
    if (old === undefined && isAgain) throw new ValueError(`macro "${name}" is not defined: "==" redefines only`);
    const part = old === undefined && [...this.#macros.keys()].find((known) => name.includes(known));
    // The shorter name would be replaced inside the longer one wherever that is used.
    if (part) throw new ValueError(`"${name}" cannot be a macro: the macro "${part}" is a substring of it`);
    this.#macros.set(name, { value, where, isFromOutside: false });
  }

  /** Each macro once, in the order of definition; what a macro put in is seen by those after it. */
  substitute(text: string): string {
    let result = text;
    for (const [name, { value }] of this.#macros) {
      if (!result.includes(name)) continue;
      this.#used.add(name);
      result = result.replaceAll(name, () => value);
    }
    return result;
  }

  /** For macros that the program reads itself. */
  get(name: string): { readonly value: string; readonly where: string } | undefined {
    this.#used.add(name);
    return this.#macros.get(name);
  }

  /** Given from outside, but neither defined nor used in the file, nor read by the program; and what may be meant. */
  unusedFromOutside(): { readonly name: string; readonly nearest: string | undefined }[] {
    const isUnused = (name: string, { isFromOutside }: Macro) => isFromOutside && !this.#used.has(name);
    const unused = [...this.#macros].filter(([name, macro]) => isUnused(name, macro)).map(([name]) => name);
    const known = [...new Set([...this.#used, ...this.#macros.keys()])].filter((name) => !unused.includes(name));
    return unused.map((name) => ({ name, nearest: nearestName(name, known) }));
  }
}

/** `NAME=value`, one a line, as `POSTBUS_MACROS` has them; blank lines are skipped. @throws {ConfigError} */
export function parseMacros(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return new Map(
    lines.map((line) => {
      const at = line.indexOf("=");
      if (at < 0) throw new ConfigError(`POSTBUS_MACROS: ${JSON.stringify(line.trim())} is not NAME=value`);
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}
