import { AclParser } from "./acl-parser.ts";
import type { Acl } from "./acl-statement.ts";
import type { LogicalLine } from "./line-reader.ts";
import type { Place, ProblemList } from "./problem.ts";
import type { Section } from "./section.ts";

const LABEL = /^([A-Za-z][A-Za-z0-9_]*)[\t-\r ]*:[\t-\r ]*([\s\S]*)$/;
/** As in Exim. */
const MAX_NAME_OCTETS = 63;

/** Reads `begin acl`: named ACLs, each a list of statements. */
export class AclSection implements Section {
  readonly #problems: ProblemList;
  readonly #acls = new Map<string, Acl>();
  #open: { readonly name: string; readonly place: Place; readonly parser: AclParser } | undefined;

  constructor(problems: ProblemList) {
    this.#problems = problems;
  }

  get acls(): ReadonlyMap<string, Acl> {
    return this.#acls;
  }

  line(line: LogicalLine): void {
    let text = line.text;
    // A statement may stand behind its ACL's name.
    for (let label = LABEL.exec(text); label !== null; label = LABEL.exec(text)) {
      this.#begin(label[1] ?? "", line.place);
      text = label[2] ?? "";
    }
    if (text === "") return;
    if (this.#open === undefined) this.#problems.error(line.place, "missing or malformed ACL name");
    else this.#open.parser.line({ place: line.place, text });
  }

  end(): void {
    if (this.#open === undefined) return;
    const { name, place, parser } = this.#open;
    if (!this.#acls.has(name)) this.#acls.set(name, { name, place, statements: parser.statements });
    this.#open = undefined;
  }

  #begin(name: string, place: Place): void {
    this.end();
    if (name.length > MAX_NAME_OCTETS)
      this.#problems.error(place, `ACL name longer than ${MAX_NAME_OCTETS} characters`);
    if (this.#acls.has(name)) this.#problems.error(place, `there are two ACLs called "${name}"`);
    this.#open = { name, place, parser: new AclParser(this.#problems) };
  }
}
