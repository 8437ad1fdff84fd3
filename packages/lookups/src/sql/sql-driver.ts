import type { LookupSettings } from "../lookup-settings.ts";
import type { QueryDriver } from "../lookup-type.ts";
import { askServers } from "../servers/ask-servers.ts";
import { chooseServers, type ServerKind } from "../servers/choose-servers.ts";
import type { PooledConnection } from "../servers/connection-pool.ts";
import { type ServerAddress, serverAddress } from "../servers/server-address.ts";
import { ServerPools } from "../servers/server-pools.ts";
import { type SqlAnswer, sqlFinding } from "./sql-answer.ts";

/** A connection to a database server. */
export interface SqlConnection extends PooledConnection {
  /** @throws {LookupDefer} @throws {ServerTrouble} */
  query(query: string): Promise<SqlAnswer>;
}

export interface SqlServers {
  readonly kind: ServerKind;
  /** How Exim's messages name it: `PGSQL`; and in the one about a server's item: `pgSQL`. */
  readonly title: string;
  readonly itemTitle: string;
  /** The option's list. */
  readonly list: string;
  open(server: ServerAddress, timeoutMs: number): Promise<SqlConnection>;
}

/** Database, user, password. */
const FIELDS = 3;

/** A driver for a database with servers. */
export function sqlDriver({ kind, title, itemTitle, list, open }: SqlServers, settings: LookupSettings): QueryDriver {
  const pools = new ServerPools(title, settings, open);
  return {
    async find(text, request) {
      const { servers, query } = chooseServers(kind, list, text, request);
      // Read one after the other: a wrong item matters only when it is its turn.
      const answer = await askServers(kind.type, servers, (item) =>
        pools.use(serverAddress(kind, item, FIELDS, itemTitle), (connection) => connection.query(query)),
      );
      return sqlFinding(answer);
    },
    close: () => pools.close(),
  };
}
