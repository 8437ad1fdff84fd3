import type { Field } from "../header-section.ts";
import { canonicalField } from "./canonical-field.ts";
import type { Canonicalization } from "./canonicalization.ts";

/** The fields of a message for several signatures: each is canonicalized once for each way. */
export class SignedHeader {
  readonly #header: Buffer;
  readonly #byName: ReadonlyMap<string, readonly Field[]>;
  readonly #canonical = { simple: new Map<Field, string>(), relaxed: new Map<Field, string>() };

  constructor(header: Buffer, fields: readonly Field[]) {
    this.#header = header;
    this.#byName = Map.groupBy(fields, ({ name }) => name);
  }

  text({ start, end }: Field): string {
    return this.#header.toString("latin1", start, end);
  }

  canonical(field: Field, how: Canonicalization): string {
    const known = this.#canonical[how].get(field);
    if (known !== undefined) return known;
    const made = canonicalField(this.text(field), how);
    this.#canonical[how].set(field, made);
    return made;
  }

  /** Of a field that is not quite one of the message. */
  canonicalOf(field: string, how: Canonicalization): string {
    return canonicalField(field, how);
  }

  /**
   * The fields that `h=` names, canonical: of several with one name, those at the bottom first (RFC 6376 §5.4.2). The signature
   * itself, which was not there yet, is none of them (RFC 6376 §3.5, h=).
   */
  named(names: readonly string[], how: Canonicalization, signature?: Field): string {
    const left = new Map<string, number>();
    let text = "";
    for (const written of names) {
      const name = written.toLowerCase();
      const fields = this.#byName.get(name);
      if (fields === undefined) continue;
      let at = (left.get(name) ?? fields.length) - 1;
      if (signature !== undefined && fields[at] === signature) at--;
      left.set(name, at);
      const field = fields[at];
      if (field !== undefined) text += this.canonical(field, how);
    }
    return text;
  }
}
