import { suffixType } from "../public-suffix/suffix-type.ts";

/** The public suffix of a domain: `co.uk` of `www.example.co.uk`. */
export const psl = suffixType("psl", { extraLabels: 0 });
