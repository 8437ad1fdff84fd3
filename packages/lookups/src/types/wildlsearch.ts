import { patternSearch } from "../linear/pattern-search.ts";

/** Keys that are items of a string list (`*.example.org`, `^regex`), expanded at each lookup. */
export const wildlsearch = patternSearch("wildlsearch", { expandsKeys: true });
