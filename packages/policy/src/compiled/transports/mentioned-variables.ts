import { CONNECTION_VARIABLES } from "../../authenticators/client/connection-variables.ts";

/** Words that bring strings which are known only when they are used: anything may be in those. */
const OPEN = /\b(?:acl|expand|(?:wild|partial[^;]*-)l?search|match_[a-z]+|inlist|[br]?h(?:eader)?_[A-Za-z])/;

/**
 * The variables of the message that strings name, apart from those of a connection: where they are equal, so are the
 * expansions over one connection. Undefined: it cannot be told.
 */
export function mentionedVariables(texts: readonly string[]): readonly string[] | undefined {
  const names = new Set<string>();
  for (const text of texts) {
    if (OPEN.test(text)) return undefined;
    for (const [, name = ""] of text.matchAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)/g)) {
      if (!CONNECTION_VARIABLES.has(name) && !/^auth[123]$/.test(name)) names.add(name);
    }
  }
  return [...names];
}
