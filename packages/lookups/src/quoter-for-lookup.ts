import { LookupSyntaxError } from "./lookup-syntax-error.ts";
import { lookupTypes } from "./types/index.ts";

/** `${quote_TYPE:...}` and `${quote_TYPE_OPTION:...}`. */
export interface LookupQuoter {
  /** Whether it quotes at all: of a type without a quoter the text stays as it is, and untrusted. */
  readonly hasQuoter: boolean;
  quote(text: string): string;
}

/**
 * The quoting operator of a lookup type.
 *
 * @param name What follows `quote_`: `mysql`, `ldap_dn`.
 * @throws {LookupSyntaxError} with Exim's text.
 */
export function quoterForLookup(name: string): LookupQuoter {
  const underscore = name.indexOf("_");
  const typeName = underscore === -1 ? name : name.slice(0, underscore);
  const option = underscore === -1 ? undefined : name.slice(underscore + 1);
  const type = lookupTypes.get(typeName);
  if (type === undefined) throw new LookupSyntaxError(`unknown lookup type "${typeName}"`);
  const wrongOption = () => new LookupSyntaxError(`"${option}" unrecognized after "\${quote_${typeName}"`);
  const { quote } = type;
  if (quote === undefined) {
    if (option !== undefined) throw wrongOption();
    return { hasQuoter: false, quote: (text) => text };
  }
  if (quote("", option) === undefined) throw wrongOption();
  return { hasQuoter: true, quote: (text) => quote(text, option) ?? text };
}
