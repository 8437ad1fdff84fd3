import { suffixType } from "../public-suffix/suffix-type.ts";

/** The domain that somebody registered, one label more than the public suffix: `example.co.uk` of `www.example.co.uk`. */
export const regdom = suffixType("regdom", { extraLabels: 1 });
