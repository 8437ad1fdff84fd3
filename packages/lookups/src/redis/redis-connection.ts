import type { Redis } from "ioredis";
import type { PooledConnection } from "../servers/connection-pool.ts";
import type { ServerAddress } from "../servers/server-address.ts";
import { ServerTrouble } from "../servers/server-trouble.ts";
import { systemText } from "../system-text.ts";
import type { RedisReply } from "./redis-result.ts";

const DEFAULT_PORT = 6379;
/** After these a connection is not what it was: nobody else gets it. */
const CHANGES_CONNECTION =
  /^(?:auth|select|multi|exec|discard|watch|unwatch|subscribe|psubscribe|ssubscribe|monitor|client|hello|reset|quit|sync|psync|asking|readonly|readwrite|script)$/i;

/** A connection to one Redis server, used by one lookup at a time. */
export class RedisConnection implements PooledConnection {
  readonly #redis: Redis;
  readonly #server: ServerAddress;
  isBroken = false;

  private constructor(redis: Redis, server: ServerAddress) {
    this.#redis = redis;
    this.#server = server;
    redis.on("close", () => {
      this.isBroken = true;
    });
  }

  /** @throws {ServerTrouble} */
  static async open(server: ServerAddress, timeoutMs: number): Promise<RedisConnection> {
    const { host, port = DEFAULT_PORT, socket } = server;
    // Most policies ask no Redis: they need not load it.
    const { Redis } = await import("ioredis");
    const redis = new Redis({
      ...(socket === undefined ? { host, port } : { path: socket }),
      lazyConnect: true,
      connectTimeout: Math.ceil(timeoutMs),
      // The pool opens new ones; this one ends when it breaks.
      retryStrategy: null,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      enableReadyCheck: false,
      disableClientInfo: true,
      // The old protocol: the replies that Exim's rules are written for.
      protocol: 2,
      stringNumbers: true,
    });
    let reason: unknown;
    redis.on("error", (err: Error) => {
      reason = err; // connect() itself only says that the connection is closed.
    });
    try {
      await redis.connect();
    } catch (err) {
      redis.disconnect();
      throw new ServerTrouble(`REDIS: query failed: ${systemText(reason ?? err)}`, { cause: err });
    }
    return new RedisConnection(redis, server);
  }

  /**
   * Sends AUTH and SELECT as the server's entry in the list says, then the command. As in Exim what the first two are
   * answered does not matter: with a wrong password the command is refused.
   *
   * @throws {ServerTrouble}
   */
  async ask(words: readonly string[]): Promise<RedisReply> {
    const [database = "", ...password] = this.#server.fields;
    const before: Promise<unknown>[] = [];
    if (password.join("/") !== "") before.push(this.#call(["AUTH", password.join("/")]));
    if (database !== "") before.push(this.#call(["SELECT", database]));
    const [, reply] = await Promise.all([Promise.allSettled(before), this.#reply(words)]);
    if (CHANGES_CONNECTION.test(words[0] ?? "")) this.isBroken = true;
    return reply;
  }

  async #reply(words: readonly string[]): Promise<RedisReply> {
    try {
      return replyOf(await this.#call(words));
    } catch (err) {
      if (err instanceof Error && err.name === "ReplyError") return { kind: "error", message: err.message };
      throw new ServerTrouble(`REDIS: query failed: ${systemText(err)}`, { cause: err });
    }
  }

  #call([command = "", ...words]: readonly string[]): Promise<unknown> {
    return this.#redis.callBuffer(command, ...words.map((word) => Buffer.from(word, "latin1")));
  }

  close(): void {
    this.isBroken = true;
    this.#redis.disconnect();
  }
}

/** With `stringNumbers` integers are strings, and all texts are buffers. */
function replyOf(value: unknown): RedisReply {
  if (Buffer.isBuffer(value)) return { kind: "text", octets: value };
  if (typeof value === "string" || typeof value === "number") return { kind: "integer", digits: String(value) };
  if (Array.isArray(value)) return { kind: "array", elements: value.map(replyOf) };
  if (value instanceof Error) return { kind: "error", message: value.message };
  return { kind: "nil" };
}
