import { readTime as time } from "../../reader/option-value.ts";
import { everywhere, ignored, later, type OptionTable, refused } from "../option.ts";

const LDAP = "LDAP lookups; keep that data where lsearch, cdb, redis or an SQL lookup finds it";
const PERL = "embedded Perl is not offered: what it computes can be written with ${if}, ${sg}, ${map} and lookups";

/** Where lookups and the program's own data find their servers and files (Exim's manual, "File and database lookups"). */
export const lookupOptions = {
  add_environment: everywhere("list"),
  ibase_servers: later("list", "lookups in this database; MySQL, PostgreSQL, SQLite and Redis are at hand"),
  keep_environment: everywhere("list"),
  ldap_ca_cert_dir: later("string", LDAP),
  ldap_ca_cert_file: later("string", LDAP),
  ldap_cert_file: later("string", LDAP),
  ldap_cert_key: later("string", LDAP),
  ldap_cipher_suite: later("string", LDAP),
  ldap_default_servers: later("list", LDAP),
  ldap_require_cert: later("string", LDAP),
  ldap_start_tls: later("boolean", LDAP),
  ldap_version: later("integer", LDAP),
  lookup_open_max: everywhere("integer", 25),
  mysql_servers: everywhere("list"),
  oracle_servers: later("list", "lookups in this database; MySQL, PostgreSQL, SQLite and Redis are at hand"),
  perl_at_start: ignored("boolean", false),
  perl_startup: refused("string", PERL),
  perl_taintmode: ignored("boolean", false),
  pgsql_servers: everywhere("list"),
  redis_servers: everywhere("list"),
  slow_lookup_log: everywhere("integer", 0),
  sqlite_dbfile: everywhere("string"),
  sqlite_lock_timeout: everywhere("time", time("5s")),
} satisfies OptionTable;
