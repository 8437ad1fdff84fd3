import { AclRun } from "../acl/acl-run.ts";
import { Acls } from "../acl/acls.ts";
import { AclSession } from "../acl/session.ts";
import { sessionNames } from "../acl/session-names.ts";
import { compileExpansion } from "../expansion/compile-expansion.ts";
import { failureText } from "../expansion/failures.ts";
import { textOf, type Value } from "../expansion/value.ts";
import { type ProcessParts, policySurroundings } from "../load/policy-surroundings.ts";
import type { Configuration } from "../reader/configuration.ts";
import { MACRO_DEFINITION, MacroTable } from "../reader/macro-table.ts";
import { predefinedMacros } from "../reader/predefined-macros.ts";
import { ValueError } from "../reader/value-error.ts";

export interface TesterOptions extends ProcessParts {
  /** What `$version_number` says. */
  readonly version: string;
  /** What `$config_file` says. */
  readonly file: string;
}

/** Expands strings one after the other under a configuration, as Exim's tester (`-be`) does. */
export class ExpansionTester {
  readonly #session: AclSession;
  readonly #macros: MacroTable;
  readonly #stop: () => Promise<void>;

  constructor(configuration: Configuration, options: TesterOptions) {
    const { shared, stop } = policySurroundings(configuration, options);
    this.#stop = stop;
    const { primaryHostname } = shared.settings;
    const names = sessionNames(configuration, { ...options, primaryHostname });
    this.#session = new AclSession({ address: "", port: 0 }, names, shared, {});
    this.#session.run = new AclRun("not_smtp", this.#session, new Acls(configuration));
    this.#macros = new MacroTable(predefinedMacros, new Map());
    for (const [name, value] of configuration.macros) this.#macros.define(name, value, false);
  }

  /**
   * One line: a string to expand, `NAME = text` to define a macro (`==`: again), or `set acl_m_name = string`.
   *
   * @returns what the tester prints, `Failed: reason` included.
   */
  async line(text: string): Promise<string> {
    try {
      const [definition, name = "", sign] = MACRO_DEFINITION.exec(text) ?? [];
      if (definition !== undefined) return this.#define(name, text.slice(definition.length), sign === "==");
      const line = this.#macros.substitute(text).text;
      const [, assigned] = /^set\s+([\s\S]*)$/.exec(line) ?? [];
      return assigned === undefined ? textOf(await this.#expand(line)) : await this.#set(line, assigned);
    } catch (error) {
      const reason = error instanceof ValueError ? error.message : failureText(error);
      if (reason === undefined) throw error;
      return `Failed: ${reason}`;
    }
  }

  /** Ends the connections of lookups. */
  stop(): Promise<void> {
    return this.#stop();
  }

  #define(name: string, value: string, isAgain: boolean): string {
    this.#macros.define(name, this.#macros.substitute(value).text, isAgain);
    return `Defined macro '${name}'`;
  }

  async #set(line: string, assigned: string): Promise<string> {
    const [, scope, rest = "", value] = /^acl_([cm])([0-9_]\w*)\s*(?:=\s*([\s\S]*))?$/.exec(assigned) ?? [];
    if (scope === undefined) {
      return `invalid variable name after "set" in ACL modifier "${line}" (must start "acl_c" or "acl_m")`;
    }
    if (value === undefined) return `"=" missing after ACL "set" modifier`;
    const { connection, message } = this.#session;
    (scope === "c" ? connection : message).variables.set(`acl_${scope}${rest}`, await this.#expand(value));
    return `variable ${scope}${rest} set`;
  }

  async #expand(text: string): Promise<Value> {
    return compileExpansion(text).run(this.#session.evaluation);
  }
}
