import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Type } from "typebox";
import { commonSettings } from "../src/common-settings.ts";
import { joinSettings, readSettings, variableName } from "../src/settings.ts";

const schema = Type.Object({
  ...commonSettings,
  concurrency: Type.Integer({ minimum: 1, maximum: 100, default: 50 }),
  strict: Type.Boolean({ default: false }),
  secret: Type.Optional(Type.String({ minLength: 8 })),
});

/** One row per rule; `problems` are the lines of the error. */
const cases: readonly { name: string; env: Record<string, string>; problems: readonly string[] }[] = [
  {
    name: "an integer that is none",
    env: { POSTBUS_CONCURRENCY: "many" },
    problems: ["POSTBUS_CONCURRENCY: must be integer"],
  },
  {
    name: "an integer with a tail",
    env: { POSTBUS_CONCURRENCY: "12abc" },
    problems: ["POSTBUS_CONCURRENCY: must be integer"],
  },
  {
    name: "a fraction for an integer",
    env: { POSTBUS_CONCURRENCY: "1.5" },
    problems: ["POSTBUS_CONCURRENCY: must be integer"],
  },
  { name: "below the bound", env: { POSTBUS_CONCURRENCY: "0" }, problems: ["POSTBUS_CONCURRENCY: must be >= 1"] },
  { name: "above the bound", env: { POSTBUS_CONCURRENCY: "101" }, problems: ["POSTBUS_CONCURRENCY: must be <= 100"] },
  { name: "a boolean that is none", env: { POSTBUS_STRICT: "perhaps" }, problems: ["POSTBUS_STRICT: must be boolean"] },
  {
    name: "an unknown name of ours, with the nearest known one",
    env: { POSTBUS_CONCURENCY: "5" },
    problems: ["POSTBUS_CONCURENCY: unknown (did you mean POSTBUS_CONCURRENCY?)"],
  },
  {
    name: "an unknown name of ours, far from all",
    env: { POSTBUS_TELEPORTATION: "1" },
    problems: ["POSTBUS_TELEPORTATION: unknown"],
  },
  {
    name: "a secret that does not fit is not shown",
    env: { POSTBUS_SECRET: "hunter2" },
    problems: ["POSTBUS_SECRET: must not have fewer than 8 characters"],
  },
  {
    name: "a word that is none of a choice",
    env: { LOG_LEVEL: "loud", POSTBUS_BUS_DURABILITY: "safe" },
    problems: [
      'POSTBUS_BUS_DURABILITY: "safe" is none of checked, r1-sync-always, unsafe',
      'LOG_LEVEL: "loud" is none of trace, debug, info, warn, error, fatal, silent',
    ],
  },
  {
    name: "what does not look like it should",
    env: { POSTBUS_HEALTH: "banana", NATS_MONITOR_URL: "nats:8222", POSTBUS_BUS_PREFIX: "test" },
    problems: [
      'NATS_MONITOR_URL: "nats:8222" is not a URL like http://host:8222',
      'POSTBUS_BUS_PREFIX: "test" is not a word with a dot behind it, like test.',
      'POSTBUS_HEALTH: "banana" is not host:port',
    ],
  },
  {
    name: "every problem at once",
    env: { POSTBUS_DATTA: "x", POSTBUS_CONCURRENCY: "x", POSTBUS_SHUTDOWN_GRACE_MS: "1" },
    problems: [
      "POSTBUS_DATTA: unknown (did you mean POSTBUS_DATA?)",
      "POSTBUS_SHUTDOWN_GRACE_MS: must be >= 100",
      "POSTBUS_CONCURRENCY: must be integer",
    ],
  },
];

describe("readSettings", () => {
  for (const { name, env, problems } of cases) {
    test(`refuses ${name}`, () => {
      assert.throws(() => readSettings(schema, env), { name: "ConfigError", message: problems.join("\n") });
    });
  }

  test("gives defaults, converts, and leaves other programs' variables alone", () => {
    const env = {
      PATH: "/bin",
      POSTBUS_TEST_SERVERS: "/srv",
      NATS_URL: "nats://a:4222",
      POSTBUS_CONCURRENCY: "7",
      POSTBUS_STRICT: "1",
    };
    const settings = readSettings(schema, env);
    assert.equal(settings.natsUrl, "nats://a:4222");
    assert.equal(settings.concurrency, 7);
    assert.equal(settings.strict, true);
    assert.equal(settings.data, "./data");
    assert.equal(settings.logLevel, "info");
    assert.equal("redisUrl" in settings, false);
  });

  test("an empty variable is as good as none: compose files pass on what is not set so", () => {
    assert.equal(readSettings(schema, { POSTBUS_CONCURRENCY: "", NATS_URL: "" }).concurrency, 50);
  });

  test("a secret can stand in a file, named by the variable with _FILE behind it", async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "postbus-settings-"));
    t.after(() => rm(directory, { recursive: true }));
    const file = join(directory, "secret");
    await writeFile(file, "correct horse\n");
    assert.equal(readSettings(schema, { POSTBUS_SECRET_FILE: file }).secret, "correct horse");
    assert.throws(() => readSettings(schema, { POSTBUS_SECRET_FILE: file, POSTBUS_SECRET: "hunter2hunter2" }), {
      message: "POSTBUS_SECRET: is given twice, by itself and as a file",
    });
    assert.throws(() => readSettings(schema, { POSTBUS_SECRET_FILE: join(directory, "none") }), {
      name: "ConfigError",
      message: /^POSTBUS_SECRET_FILE: .*none cannot be read: ENOENT/,
    });
    assert.throws(() => readSettings(schema, { POSTBUS_NOTHING_FILE: file }), {
      message: "POSTBUS_NOTHING_FILE: unknown",
    });
  });

  test("a variable of another service is let alone, one that nobody knows is not", () => {
    const others = ["POSTBUS_HTTP", "POSTBUS_HTTP_TOKEN"];
    const env = { POSTBUS_HTTP: "x:1", POSTBUS_HTTP_TOKEN_FILE: "/secret" };
    assert.equal(readSettings(schema, env, others).concurrency, 50);
    assert.throws(() => readSettings(schema, { POSTBUS_HTPP: "x:1" }, others), {
      message: "POSTBUS_HTPP: unknown (did you mean POSTBUS_HTTP?)",
    });
  });

  test("says which variable is missing", () => {
    const strict = Type.Object({ endPoint: Type.String() });
    assert.throws(() => readSettings(strict, {}), { message: "POSTBUS_END_POINT: is not set" });
  });

  test("a process with two services knows the settings of both", () => {
    const a = Type.Object({ ...commonSettings, http: Type.String({ default: "127.0.0.1:8080" }) });
    const b = Type.Object({ ...commonSettings, workers: Type.Integer({ default: 1 }) });
    const settings = readSettings(joinSettings([a, b]), { POSTBUS_HTTP: "x:1", POSTBUS_WORKERS: "3" });
    assert.partialDeepStrictEqual(settings, { http: "x:1", workers: 3, data: "./data" });
  });
});

test("a variable is named after its property unless the schema says otherwise", () => {
  assert.equal(variableName("shutdownGraceMs", undefined), "POSTBUS_SHUTDOWN_GRACE_MS");
  assert.equal(variableName("natsUrl", commonSettings.natsUrl), "NATS_URL");
});
