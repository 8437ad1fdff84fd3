import { randomInt } from "node:crypto";
import type { Resolver } from "@postbus/dns";
import { type LookupSettings, LookupTable } from "@postbus/lookups";
import { checkSpf } from "@postbus/mail-auth";
import { defaultLanguageSettings, type Surroundings } from "../expansion/evaluation.ts";
import { NamedLists } from "../matching/named-lists.ts";
import { splitList } from "../matching/split-list.ts";
import type { Configuration } from "../reader/configuration.ts";
import type { NamedListKind } from "../reader/named-lists.ts";
import { keptEnvironment } from "./kept-environment.ts";

/** What a process is to the policies that run in it. */
export interface ProcessParts {
  /** This machine's name, unless the policy has a `primary_hostname`. */
  readonly hostname: string;
  /** IP addresses of its interfaces, for `@[]`. */
  readonly localAddresses: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly resolver?: Resolver;
  /** Time zone unless the policy names one. */
  readonly timeZone?: string;
  readonly now?: () => number;
  readonly random?: (below: number) => number;
}

/** What evaluations under one policy share. */
export type SharedSurroundings = Omit<Surroundings, "variables" | "headers" | "callAcl" | "lookupCache" | "warn">;

export interface PolicySurroundings {
  readonly shared: SharedSurroundings;
  /** Ends the connections of lookups. */
  stop(): Promise<void>;
}

/** SPF for lookups: in this process, with the DNS cache that it has. */
function spfChecker(resolver: Resolver): NonNullable<LookupSettings["checkSpf"]> {
  return async (returnPath, clientAddress, signal) => {
    const options = signal === undefined ? {} : { signal };
    return (await checkSpf({ clientAddress, helo: "", returnPath }, resolver, options)).result;
  };
}

const KINDS = ["domain", "host", "address", "localpart"] as const satisfies readonly NamedListKind[];

/** Puts together what the expansions and lists of a policy need, apart from the context in which each of them stands. */
export function policySurroundings(configuration: Configuration, parts: ProcessParts): PolicySurroundings {
  const { main, namedLists } = configuration;
  const { resolver, now = Date.now, random = randomInt, localAddresses } = parts;
  const servers = (name: "redis_servers" | "pgsql_servers" | "mysql_servers"): string | undefined => main.get(name);
  const [redisServers, pgsqlServers, mysqlServers, sqliteFile] = [
    servers("redis_servers"),
    servers("pgsql_servers"),
    servers("mysql_servers"),
    main.get("sqlite_dbfile"),
  ];
  const lookups = new LookupTable({
    ...(redisServers === undefined ? {} : { redisServers }),
    ...(pgsqlServers === undefined ? {} : { pgsqlServers }),
    ...(mysqlServers === undefined ? {} : { mysqlServers }),
    ...(sqliteFile === undefined ? {} : { sqliteFile }),
    sqliteLockTimeoutMs: main.get("sqlite_lock_timeout"),
    maxOpenFiles: main.get("lookup_open_max"),
    ...(resolver === undefined ? {} : { resolver, checkSpf: spfChecker(resolver) }),
  });
  const definitions = KINDS.flatMap((kind) =>
    [...namedLists[kind].values()].map(({ name, text, isCached }) => ({ kind, name, text, isCacheForced: isCached })),
  );
  const shared: SharedSurroundings = {
    lists: new NamedLists(definitions),
    lookups,
    ...(resolver === undefined ? {} : { resolver }),
    settings: {
      ...defaultLanguageSettings,
      primaryHostname: main.get("primary_hostname") ?? parts.hostname,
      headersCharset: main.get("headers_charset"),
      hasStrictAclVariables: main.get("strict_acl_vars"),
      srsSecrets: main.get("srs_secrets"),
      printsTopBit: main.get("print_topbitchars"),
      timeZone: main.get("timezone") ?? parts.timeZone ?? "UTC",
      localAddresses,
      localHostNames: literalNames(main.get("hosts_treat_as_local")),
    },
    now,
    random,
    environment: keptEnvironment(parts.environment, main.get("keep_environment"), main.get("add_environment")),
  };
  return { shared, stop: () => lookups.close() };
}

/** The names of a list that are plain: patterns among them are for routers. */
function literalNames(list: string | undefined): string[] {
  return list === undefined ? [] : [...splitList(list).items].filter((item) => /^[A-Za-z0-9.-]+$/.test(item));
}
