import type { LookupType } from "../lookup-type.ts";
import { cdb } from "./cdb.ts";
import { dnsdb } from "./dnsdb.ts";
import { dsearch } from "./dsearch.ts";
import { iplsearch } from "./iplsearch.ts";
import { json } from "./json.ts";
import { ldap, ldapdn, ldapm } from "./ldap.ts";
import { lmdb } from "./lmdb.ts";
import { lsearch } from "./lsearch.ts";
import { mysql } from "./mysql.ts";
import { nwildlsearch } from "./nwildlsearch.ts";
import { passwd } from "./passwd.ts";
import { pgsql } from "./pgsql.ts";
import { psl } from "./psl.ts";
import { redis } from "./redis.ts";
import { regdom } from "./regdom.ts";
import { spf } from "./spf.ts";
import { sqlite } from "./sqlite.ts";
import { wildlsearch } from "./wildlsearch.ts";

const types: readonly LookupType[] = [
  // Keys in a file or directory.
  lsearch,
  iplsearch,
  wildlsearch,
  nwildlsearch,
  dsearch,
  cdb,
  lmdb,
  json,
  psl,
  regdom,
  // Two strings.
  spf,
  // Queries.
  dnsdb,
  redis,
  sqlite,
  pgsql,
  mysql,
  passwd,
  ldap,
  ldapdn,
  ldapm,
];

/** All lookup types by name. */
export const lookupTypes: ReadonlyMap<string, LookupType> = new Map(types.map((type) => [type.name, type]));
