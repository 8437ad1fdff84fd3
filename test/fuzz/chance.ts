import { seededRandom } from "../support/seeded-random.ts";

type Words = readonly [string, ...string[]];

/** All that a fuzz input is made of comes from here, so that its seed makes it again. */
export class Chance {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** From 0 to `below` - 1. */
  integer(below: number): number {
    return Math.floor(this.#random() * below);
  }

  /** True in one of `times` cases. */
  oneIn(times: number): boolean {
    return this.#random() * times < 1;
  }

  pick<T>(members: readonly [T, ...T[]]): T {
    return members[this.integer(members.length)] ?? members[0];
  }

  /** Up to `most` of them, joined. */
  words(members: Words, most: number): string {
    let text = "";
    for (let count = this.integer(most + 1); count > 0; count--) text += this.pick(members);
    return text;
  }

  /** Any octets, as a latin1 string. */
  octets(most: number): string {
    let text = "";
    for (let count = this.integer(most + 1); count > 0; count--) text += String.fromCharCode(this.integer(256));
    return text;
  }

  /** The text, its octets changed, doubled, lost or exchanged for `words` in a few places. */
  spoilt(text: string, words: Words, most = 4): string {
    let result = text;
    for (let count = 1 + this.integer(most); count > 0; count--) {
      const at = this.integer(result.length + 1);
      const end = Math.min(result.length, at + this.integer(8));
      const instead = this.#instead(result.slice(at, end), words);
      result = result.slice(0, at) + instead + result.slice(end);
    }
    return result;
  }

  #instead(lost: string, words: Words): string {
    switch (this.integer(5)) {
      case 0:
        return "";
      case 1:
        return lost + lost;
      case 2:
        return String.fromCharCode(this.integer(256));
      case 3:
        return lost + this.pick(words);
      default:
        return this.pick(words);
    }
  }

  /** Cuts a text as a network may: whole, octet by octet, or anywhere. */
  pieces(text: string): readonly string[] {
    if (text === "" || this.oneIn(2)) return text === "" ? [] : [text];
    const most = this.pick([1, 10, 40, 400]);
    const pieces: string[] = [];
    for (let at = 0; at < text.length; ) {
      const end = at + 1 + this.integer(most);
      pieces.push(text.slice(at, end));
      at = end;
    }
    return pieces;
  }
}

/** A text of octets as they come from a socket. */
export const bufferOf = (text: string): Buffer => Buffer.from(text, "latin1");
