import type { Item } from "../parser.ts";
import { acl } from "./acl.ts";
import { authresults } from "./authresults.ts";
import { certextract } from "./certextract.ts";
import { env } from "./env.ts";
import { dlfunc, perl } from "./excluded.ts";
import { extract } from "./extract.ts";
import { hmac } from "./hmac.ts";
import { ifItem } from "./if.ts";
import { imapfolder } from "./imapfolder.ts";
import { filter, map, reduce } from "./iterate.ts";
import { listextract, listquote } from "./list-edit.ts";
import { lookup } from "./lookup.ts";
import { numericItems } from "./numeric-arguments.ts";
import { prvs, prvscheck } from "./prvs.ts";
import { readfile } from "./readfile.ts";
import { readsocket } from "./readsocket.ts";
import { run } from "./run.ts";
import { sg } from "./sg.ts";
import { sort } from "./sort.ts";
import { srsEncodeItem } from "./srs-encode.ts";
import { tr } from "./tr.ts";

/** Every item. Adding one = a file, a line here, rows in the test's table. */
const all: readonly Item[] = [
  ...[acl, authresults, certextract, dlfunc, env, extract, filter, hmac, ifItem, imapfolder, listextract, listquote],
  ...[lookup, map, perl, prvs, prvscheck, readfile, readsocket, reduce, run, sg, sort, srsEncodeItem, tr],
  ...numericItems,
];

export const items: ReadonlyMap<string, Item> = new Map(all.map((item) => [item.name, item]));
