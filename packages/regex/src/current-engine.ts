import { Pcre2 } from "./pcre2.ts";
import { PCRE2_MODULE } from "./pcre2-module.ts";

let module: WebAssembly.Module | undefined;
let engine: Pcre2 | undefined;

/**
 * The engine that all patterns of this process share. It is made when the first pattern comes, and anew when the last
 * one is spent: after a trap, or with much memory taken. A pattern is then compiled again when it is next used.
 * It holds nothing that could be seen from outside, hence the module-level state.
 */
export function currentEngine(): Pcre2 {
  module ??= new WebAssembly.Module(Buffer.from(PCRE2_MODULE, "base64"));
  if (engine === undefined || engine.isSpent) engine = new Pcre2(module);
  return engine;
}
