import type { QueryLookupType } from "../lookup-type.ts";
import { quotePgsql } from "../sql/quote-sql.ts";
import { sqlDriver } from "../sql/sql-driver.ts";

/** A query to a PostgreSQL server. */
export const pgsql: QueryLookupType = {
  name: "pgsql",
  style: "query",
  quote: (text, option) => (option === undefined ? quotePgsql(text) : undefined),
  async start(settings) {
    // Only where it is used.
    const { PgsqlConnection } = await import("../sql/pgsql-connection.ts");
    const kind = { type: "pgsql", title: "PostgreSQL" };
    const servers = { kind, title: "PGSQL", itemTitle: "pgSQL", list: settings.pgsqlServers ?? "" };
    return sqlDriver({ ...servers, open: PgsqlConnection.open }, settings);
  },
};
