import type { QueryLookupType } from "../lookup-type.ts";
import { quoteMysql } from "../sql/quote-sql.ts";
import { sqlDriver } from "../sql/sql-driver.ts";

/** A query to a MySQL or MariaDB server. */
export const mysql: QueryLookupType = {
  name: "mysql",
  style: "query",
  quote: (text, option) => (option === undefined ? quoteMysql(text) : undefined),
  async start(settings) {
    // Only where it is used.
    const { MysqlConnection } = await import("../sql/mysql-connection.ts");
    const kind = { type: "mysql", title: "MySQL" };
    const servers = { kind, title: "MYSQL", itemTitle: "MySQL", list: settings.mysqlServers ?? "" };
    return sqlDriver({ ...servers, open: MysqlConnection.open }, settings);
  },
};
