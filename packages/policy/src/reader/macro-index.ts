interface Node {
  readonly next: Map<number, Node>;
  /** Number of the macro whose name ends here. */
  macro: number | undefined;
}

const UNDERSCORE = 0x5f;
const CAPITAL_A = 0x41;
const CAPITAL_Z = 0x5a;

/**
 * Which macros occur in a text, however many there are: a tree of all names, walked from every place where one can
 * begin. Looking for each macro in each line would take time by the square of a file's length.
 */
export class MacroIndex {
  readonly #root: Node = { next: new Map(), macro: undefined };

  add(name: string, macro: number): void {
    let node = this.#root;
    for (let i = 0; i < name.length; i++) {
      const code = name.charCodeAt(i);
      let next = node.next.get(code);
      if (next === undefined) {
        next = { next: new Map(), macro: undefined };
        node.next.set(code, next);
      }
      node = next;
    }
    node.macro = macro;
  }

  get(name: string): number | undefined {
    let node: Node | undefined = this.#root;
    for (let i = 0; i < name.length && node !== undefined; i++) node = node.next.get(name.charCodeAt(i));
    return node?.macro;
  }

  /**
   * The macro with the smallest number not below `from` whose name is somewhere in the text, or -1; and the number of
   * characters looked at, which is where the search ends when it reaches `maxWork`.
   */
  earliest(text: string, from: number, maxWork: number): { readonly found: number; readonly work: number } {
    let found = -1;
    let work = text.length;
    for (let start = 0; start < text.length && work < maxWork; start++) {
      const code = text.charCodeAt(start);
      if ((code < CAPITAL_A || code > CAPITAL_Z) && code !== UNDERSCORE) continue;
      let node = this.#root.next.get(code);
      for (let i = start + 1; node !== undefined; i++, work++) {
        if (node.macro !== undefined && node.macro >= from && (found < 0 || node.macro < found)) found = node.macro;
        node = i < text.length ? node.next.get(text.charCodeAt(i)) : undefined;
      }
    }
    return { found, work };
  }
}
