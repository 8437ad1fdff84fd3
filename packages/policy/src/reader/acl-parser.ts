import { trim } from "@postbus/mail";
import { aclConditions, refusedConditions } from "../options/acl/conditions.ts";
import { type AclControl, type AclControlName, aclControls, controlAliases } from "../options/acl/controls.ts";
import { aclModifiers } from "../options/acl/modifiers.ts";
import { type AclVerb, aclVerbs, endpassVerbs } from "../options/acl/verbs.ts";
import { aclVerifications } from "../options/acl/verifications.ts";
import type { AclItem, AclStatement } from "./acl-statement.ts";
import type { LogicalLine } from "./line-reader.ts";
import type { Place, ProblemList } from "./problem.ts";
import { ValueError } from "./value-error.ts";

const WORD = /^([A-Za-z0-9_]+)(?:[\t-\r ]+|(?=[^A-Za-z0-9_])|$)([\s\S]*)$/;
const ITEM = /^(!?)[\t-\r ]*([A-Za-z0-9_]+)[\t-\r ]*([\s\S]*)$/;
const VARIABLE = /^(\$?)([^\t-\r =]*)[\t-\r ]*([\s\S]*)$/;

interface OpenStatement {
  readonly verb: AclVerb;
  readonly place: Place;
  readonly items: AclItem[];
}

/**
 * Reads the statements of one ACL line by line (Exim's manual, "Access control lists", "Format of an ACL"). Values are
 * not looked into, apart from the words that say which control or verification is meant.
 */
export class AclParser {
  readonly #problems: ProblemList;
  readonly #statements: OpenStatement[] = [];

  constructor(problems: ProblemList) {
    this.#problems = problems;
  }

  get statements(): readonly AclStatement[] {
    return this.#statements;
  }

  /** A verb with an optional first item, or a further item of the last verb; what is wrong becomes a problem. */
  line({ place, text }: LogicalLine): void {
    try {
      const [, word, rest = ""] = WORD.exec(text) ?? [];
      const verb = aclVerbs.find((one) => one === word);
      if (verb !== undefined) this.#statements.push({ verb, place, items: [] });
      const statement = this.#statements.at(-1);
      if (statement === undefined)
        throw new ValueError(`unknown ACL verb ${this.#unknown(text, word ?? "", aclVerbs)}`);
      const item = verb === undefined ? text : rest;
      if (item !== "") statement.items.push(this.#item(item, statement.verb, place));
    } catch (err) {
      if (!(err instanceof ValueError)) throw err;
      this.#problems.error(place, err.message);
    }
  }

  #unknown(text: string, name: string, known: readonly string[]): string {
    return `"${text.slice(0, 60)}"${this.#problems.suggest(name, () => known)}`;
  }

  #item(text: string, verb: AclVerb, place: Place): AclItem {
    const [, sign, name = "", rest = ""] = ITEM.exec(text) ?? [];
    const isNegated = sign === "!";
    if (Object.hasOwn(aclConditions, name)) {
      const value = readValue(name, "condition", rest);
      if (name === "verify") this.#checkVerification(value);
      return { kind: "condition", name: name as keyof typeof aclConditions, isNegated, value, place };
    }
    if (!Object.hasOwn(aclModifiers, name)) {
      const reason = refusedConditions[name];
      if (reason !== undefined) throw new ValueError(`${name}: ${reason}`);
      const known = [...Object.keys(aclConditions), ...Object.keys(aclModifiers)];
      // A condition behind the word: the word was to be a verb.
      const isVerb = /^[a-z_]+[\t-\r ]+!?[\t-\r ]*[a-z_]+[\t-\r ]*=/.test(text);
      const near = isVerb ? aclVerbs : this.#statements.at(-1)?.items.length === 0 ? [...known, ...aclVerbs] : known;
      throw new ValueError(`unknown ACL condition/modifier ${this.#unknown(text, name, near)}`);
    }
    if (isNegated) throw new ValueError(`negation is not allowed with "${name}"`);
    if (name === "set") return this.#set(rest, place);
    if (name === "endpass") {
      if (!endpassVerbs.has(verb)) throw new ValueError(`"endpass" is not allowed with "${verb}"`);
      return { kind: "modifier", name, value: "", place };
    }
    const value = readValue(name, "modifier", rest);
    const modifier = name as Exclude<keyof typeof aclModifiers, "set">;
    return { kind: "modifier", name: modifier, value: name === "control" ? this.#control(value, place) : value, place };
  }

  /** A control under its present name. */
  #control(value: string, place: Place): string {
    const head = headOf(value, /[/\t-\r ]/);
    if (head === undefined) return value;
    const name = controlAliases[head] ?? head;
    if (!Object.hasOwn(aclControls, name)) {
      throw new ValueError(`unknown control ${this.#unknown(head, head, Object.keys(aclControls))}`);
    }
    const { idle } = aclControls[name as AclControlName] as AclControl;
    if (idle !== undefined) this.#problems.notice(place, `control = ${head} has no effect: ${idle}`);
    return name + value.slice(head.length);
  }

  #checkVerification(value: string): void {
    const head = headOf(value, /[/=\t-\r ]/);
    if (head === undefined || Object.hasOwn(aclVerifications, head)) return;
    throw new ValueError(`unknown verification ${this.#unknown(head, head, Object.keys(aclVerifications))}`);
  }

  #set(text: string, place: Place): AclItem {
    const [, dollar, variable = "", rest = ""] = VARIABLE.exec(text) ?? [];
    if (!/^(acl_[cm]|dkim_verify_(status|reason)$)/.test(variable)) {
      throw new ValueError(`invalid variable name "${variable}" after "set" (must start "acl_c" or "acl_m")`);
    }
    if (variable.startsWith("acl_") && !/^.{5}[0-9_]/.test(variable)) {
      throw new ValueError(
        `invalid variable name "${variable}" after "set" (digit or underscore must follow acl_c or acl_m)`,
      );
    }
    if (!/^[A-Za-z0-9_]+$/.test(variable))
      throw new ValueError(`invalid character in the variable name "${variable}" after "set"`);
    if (dollar === "$")
      this.#problems.notice(place, `set $${variable}: the name of a variable is written without $ here`);
    return { kind: "modifier", name: "set", variable, value: readValue("set", "modifier", rest), place };
  }
}

/** Statements in a text: a value of `acl =` or of an option that is no name of an ACL. Lines may be continued with `\`. */
export function parseAclText(text: string, place: Place, problems: ProblemList): readonly AclStatement[] {
  const parser = new AclParser(problems);
  let open = "";
  for (const line of text.split("\n").map(trim)) {
    if (line.startsWith("#")) continue;
    if (line.endsWith("\\")) open += line.slice(0, -1);
    else {
      if (open + line !== "") parser.line({ place, text: open + line });
      open = "";
    }
  }
  if (open !== "") parser.line({ place, text: open });
  return parser.statements;
}

function readValue(name: string, kind: string, text: string): string {
  if (!text.startsWith("=")) throw new ValueError(`"=" missing after ACL "${name}" ${kind}`);
  return trim(text.slice(1));
}

/** The word that says what is meant; undefined if it is only known after expansion. */
function headOf(value: string, end: RegExp): string | undefined {
  const head = value.split(end, 1)[0] ?? "";
  return head.includes("$") ? undefined : head;
}
