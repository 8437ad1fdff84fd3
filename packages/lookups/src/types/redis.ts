import type { LookupSettings } from "../lookup-settings.ts";
import type { QueryDriver, QueryLookupType } from "../lookup-type.ts";
import type { RedisConnection } from "../redis/redis-connection.ts";
import { type RedisReply, redisResult } from "../redis/redis-result.ts";
import { redisWords } from "../redis/redis-words.ts";
import { askServers } from "../servers/ask-servers.ts";
import { chooseServers, type ServerKind } from "../servers/choose-servers.ts";
import { serverAddress } from "../servers/server-address.ts";
import { ServerPools } from "../servers/server-pools.ts";
import { ServerTrouble } from "../servers/server-trouble.ts";

const KIND: ServerKind = { type: "redis", title: "Redis" };
/** Number of the database, password: both may be empty, but the slashes must be there. */
const FIELDS = 2;

/** A command to a Redis server: `${lookup redis{HGET hosts $domain}}`. */
export const redis: QueryLookupType = {
  name: "redis",
  style: "query",
  quote: (text, option) => (option === undefined ? text.replace(/[ \t-\r\\]/g, "\\$&") : undefined),
  async start(settings) {
    // Only where it is used: the client library takes 75 ms and 27 MB.
    const { RedisConnection } = await import("../redis/redis-connection.ts");
    return driver(settings, new ServerPools("REDIS", settings, RedisConnection.open));
  },
};

function driver(settings: LookupSettings, pools: ServerPools<RedisConnection>): QueryDriver {
  return {
    async find(text, request) {
      const { servers, query } = chooseServers(KIND, settings.redisServers ?? "", text, request);
      const words = redisWords(query);
      if (words.length === 0) return undefined;
      // Read one after the other: a wrong item matters only when it is its turn.
      const ask = (item: string): Promise<RedisReply> =>
        pools.use(serverAddress(KIND, item, FIELDS, KIND.title), (connection) => connection.ask(words));
      return redisResult(await askCluster(servers, ask));
    },
    close: () => pools.close(),
  };
}

/**
 * Asks the servers in their order. A node of a cluster that does not have the key names the one that has: if that is in
 * the list it is the next one. A machine that is not in the list is never connected to.
 */
function askCluster(servers: readonly string[], ask: (server: string) => Promise<RedisReply>): Promise<RedisReply> {
  const left = [...servers];
  function* inOrder(): Generator<string> {
    for (let server = left.shift(); server !== undefined; server = left.shift()) yield server;
  }
  return askServers(KIND.type, inOrder(), async (server) => {
    const reply = await ask(server);
    if (reply.kind !== "error" || !reply.message.startsWith("MOVED")) return reply;
    const [, , owner = ""] = reply.message.split(" ");
    const place = left.findIndex(
      (other) => other.startsWith(`${owner}/`) || other.startsWith(`${withoutUsualPort(owner)}/`),
    );
    if (place !== -1) left.unshift(...left.splice(place, 1));
    throw new ServerTrouble(`REDIS: cluster redirect ${reply.message}`);
  });
}

const withoutUsualPort = (owner: string): string => owner.replace(/:6379$/, "");
