import { patternSearch } from "../linear/pattern-search.ts";

/** Keys that are items of a string list, taken as they are. */
export const nwildlsearch = patternSearch("nwildlsearch", { expandsKeys: false });
