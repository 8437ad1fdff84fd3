import type { AclStatement } from "../reader/acl-statement.ts";
import { type CompiledStatement, compileStatement } from "./statement.ts";

/** A list of statements that can be run. */
export interface CompiledAcl {
  /** For records: its name, or the beginning of its text. */
  readonly name: string;
  readonly statements: readonly CompiledStatement[];
}

/** Compiles the statements of an ACL, once. */
export function compileAcl(name: string, statements: readonly AclStatement[]): CompiledAcl {
  return { name, statements: statements.map(compileStatement) };
}
