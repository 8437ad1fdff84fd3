import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { DeferError } from "@postbus/mail";
import { type RoutingContext, type RoutingOutcome, srsStore } from "../../src/index.ts";
import { routingOf, TRANSPORTS } from "../routing-of.ts";

const DAY = 86_400_000;
/** Day 298 of its 1024: `JK`. */
const NOW = Date.UTC(2026, 10, 21, 12);
const LOCAL = `rest:\n  driver = accept\n  transport = local\n${TRANSPORTS}`;
const MAIN = "primary_hostname = mx.test.example\nsrs_hashlength = 4\nsrs_secrets = mysecret : old";
const FORWARD = "srs = forward\nsrs_alias = srs.example\ndata = joe@elsewhere.example";
const REVERSE = "srs = reverse\ndata = $srs_recipient";
const CAME_BACK = "SRS0=e6lT=JK=example.com=joe@fwd.example";

const policy = (options: string, main = MAIN): string =>
  `${main}\nbegin routers\nr:\n  driver = redirect\n  domains = fwd.example\n${options.replace(/^/gm, "  ")}\n${LOCAL}`;

const said = (outcome: RoutingOutcome): string => {
  if (outcome.kind === "deliver") return `${outcome.address} from ${outcome.srsSender ?? "sender"}`;
  return outcome.kind === "discard" ? "discard" : `${outcome.kind}: ${outcome.text}`;
};

async function route(
  text: string,
  address: string,
  context: Partial<RoutingContext> = {},
  nowMs = NOW,
): Promise<{ readonly said: string; readonly told: string }> {
  const routing = routingOf(text, { now: () => nowMs });
  const { outcomes, trace } = await routing.route(address, { returnPath: "joe@example.com", ...context });
  const told = JSON.stringify([outcomes.map((one) => ("text" in one ? one.text : "")), trace, routing.warnings]);
  return { said: outcomes.map(said).join(", "), told };
}

const bounce = { returnPath: "" };

describe("srs = forward", () => {
  const cases: readonly [name: string, options: string, sender: string, want: string][] = [
    [
      "gives the sender an address of the alias",
      FORWARD,
      "joe@example.com",
      "SRS0=e6lT=JK=example.com=joe@srs.example",
    ],
    [
      "takes the domain of the address where there is no alias",
      "srs = forward\ndata = joe@elsewhere.example",
      "joe@example.com",
      "SRS0=e6lT=JK=example.com=joe@fwd.example",
    ],
    ["expands the alias", `${FORWARD.replace("srs.example", "x.$domain")}`, "a@x.fwd.example", "a@x.fwd.example"],
    ["leaves an empty sender empty", FORWARD, "", "sender"],
    [
      "is not done where the condition does not hold",
      `${FORWARD}\nsrs_condition = \${if eq{1}{2}}`,
      "joe@example.com",
      "sender",
    ],
    [
      "is done where it holds",
      `${FORWARD}\nsrs_condition = \${if match_domain{$sender_address_domain}{example.com}}`,
      "joe@example.com",
      "SRS0=e6lT=JK=example.com=joe@srs.example",
    ],
    ["of another word is nothing", FORWARD.replace("= forward", "= sometimes"), "joe@example.com", "sender"],
  ];
  for (const [name, options, returnPath, want] of cases) {
    test(name, async () => {
      const { said: text } = await route(policy(options), "u@fwd.example", {
        returnPath,
        variables: { get: (name) => (name === "sender_address_domain" ? returnPath.split("@")[1] : undefined) },
      });
      assert.equal(text, `joe@elsewhere.example from ${want}`);
    });
  }

  test("is not done when an address is verified", async () => {
    const { routing, context, warnings } = routingOf(policy(FORWARD, "primary_hostname = mx.test.example"));
    const request = { kind: "recipient", address: "u@fwd.example", isGoodWhenRedirected: false } as const;
    // Without a secret it could not be done.
    assert.equal((await routing.verify(request, context)).result, "unknown");
    const good = routingOf(policy(FORWARD));
    const { result, deliveries } = await good.routing.verify(request, good.context);
    assert.deepEqual([result, deliveries[0]?.srsSender], ["good", undefined]);
    assert.ok(warnings.length > 0);
  });
});

describe("srs = reverse", () => {
  const cases: readonly [name: string, address: string, days: number, want: string][] = [
    ["leads back to the sender", CAME_BACK, 0, "joe@example.com from sender"],
    ["takes letters in any case", CAME_BACK.toUpperCase(), 1, "JOE@EXAMPLE.COM from sender"],
    ["for as long as it is valid", CAME_BACK, 31, "joe@example.com from sender"],
    ["and not longer", CAME_BACK, 32, "fail: SRS address has expired"],
    ["refuses what somebody has made up", CAME_BACK.replace("joe", "jim"), 0, "fail: SRS address has a wrong hash"],
    ["leaves others to the next router", "joe@fwd.example", 0, "joe@fwd.example from sender"],
    ["also those that only look like one", "SRS0=x@fwd.example", 0, "SRS0=x@fwd.example from sender"],
  ];
  for (const [name, address, days, want] of cases) {
    test(name, async () => {
      assert.equal((await route(policy(REVERSE), address, bounce, NOW + days * DAY)).said, want);
    });
  }

  test("an address of an old secret is good, with a hash in safe characters, too", async () => {
    const old = await route(policy(FORWARD, MAIN.replace("mysecret : old", "old")), "u@fwd.example");
    const [, made = ""] = / from (.*)$/.exec(old.said) ?? [];
    const back = made.replace("@srs.example", "@fwd.example");
    assert.equal((await route(policy(REVERSE), back, bounce)).said, "joe@example.com from sender");
    const safe = `${MAIN}\nsrs_safe_hash`;
    assert.equal((await route(policy(REVERSE, safe), CAME_BACK, bounce)).said, "joe@example.com from sender");
  });

  test("is done when an address is verified: a bounce is taken at RCPT, a false one is not", async () => {
    const { routing, context } = routingOf(policy(REVERSE), { now: () => NOW });
    const verify = async (address: string) => {
      const request = { kind: "recipient", address, isGoodWhenRedirected: false } as const;
      const { result, text } = await routing.verify(request, { ...context, returnPath: "" });
      return `${result} ${text ?? ""}`;
    };
    assert.equal(await verify(CAME_BACK), "good ");
    assert.equal(await verify(CAME_BACK.replace("joe", "jim")), "bad SRS address has a wrong hash");
  });

  test("its variables say what has happened", async () => {
    const data = "srs = reverse\ndata = x@$srs_status.example, y@${domain:$srs_orig_recipient}";
    const { said: text } = await route(policy(data), CAME_BACK, bounce);
    assert.equal(text, "x@ok.example from sender, y@fwd.example from sender");
  });
});

describe("with a database", () => {
  /** A database whose keys are found at once; what is put in is seen in a list of its own. */
  function database(t: TestContext): string {
    const directory = mkdtempSync(join(tmpdir(), "postbus-srs-"));
    t.after(() => rmSync(directory, { recursive: true }));
    writeFileSync(join(directory, "senders"), "");
    return join(directory, "senders");
  }

  const SQL = "create table senders(id text primary key, address text)";

  test("the address goes in, a key goes out, and leads back", async (t) => {
    const file = `${database(t)}.db`;
    const { DatabaseSync } = await import("node:sqlite");
    const senders = new DatabaseSync(file);
    senders.exec(SQL);
    const insert = `\${lookup sqlite,file=${file} {insert into senders values('\${quote_sqlite:$srs_db_key}', '\${quote_sqlite:$srs_db_address}')}{yes}{yes}}`;
    const select = `\${lookup sqlite,file=${file} {select address from senders where id = '\${quote_sqlite:$srs_db_key}'}}`;
    const both = `srs = reverseandforward\nsrs_alias = fwd.example\nsrs_dbinsert = ${insert}\nsrs_dbselect = ${select}\ndata = `;
    const forward = policy(both.replace("= reverseandforward", "= forward") + "joe@elsewhere.example");

    assert.match((await route(forward, "u@fwd.example")).said, /from SRS0=....=JK==[a-z2-7]{16}@fwd\.example$/);
    assert.equal(senders.prepare("select count(*) as n from senders").get()?.["n"], 0, "a test changes nothing");
    const { said: sent } = await route(forward, "u@fwd.example", { purpose: "deliver" });
    assert.deepEqual({ ...senders.prepare("select address from senders").get() }, { address: "joe@example.com" });
    senders.close();
    const [, made = ""] = / from (.*)$/.exec(sent) ?? [];
    assert.equal((await route(policy(`${both}$srs_recipient`), made, bounce)).said, "joe@example.com from sender");
  });

  const wrong: readonly [name: string, options: string, address: string, want: RegExp][] = [
    [
      "one of the two options alone",
      "srs = reverseandforward\nsrs_dbinsert = yes\ndata = a@b.example",
      "u@fwd.example",
      /^defer: SRS: srs_dbinsert and srs_dbselect/,
    ],
    [
      "an insertion that fails",
      "srs = forward\nsrs_dbinsert = ${if eq{1}{2}{yes}fail}\ndata = a@b.example",
      "u@fwd.example",
      /^defer: SRS: failed to expand srs_dbinsert/,
    ],
    [
      "an alias that is empty",
      "srs = forward\nsrs_alias = ${if eq{1}{2}{x}}\ndata = a@b.example",
      "u@fwd.example",
      /^defer: SRS: srs_alias is empty/,
    ],
  ];
  for (const [name, options, address, want] of wrong) {
    test(`${name} defers`, async () => {
      assert.match((await route(policy(options), address, { purpose: "deliver" })).said, want);
    });
  }
});

describe("a wrong configuration defers, and tells no secret", () => {
  const cases: readonly [main: string, want: string][] = [
    ["primary_hostname = mx.test.example", "defer: SRS Configuration Error: No secret specified"],
    [`${MAIN}\nsrs_config = s3cr3t:400`, "defer: SRS Configuration Error: Invalid maximum timestamp age"],
    [`${MAIN}\nsrs_config = <; s3cr3t;10;21`, "defer: SRS Configuration Error: Invalid hash length"],
    [
      `${MAIN}\nsrs_config = \${readfile{/nonexistent/s3cr3t}}`,
      "defer: SRS Configuration Error: srs_config cannot be expanded",
    ],
  ];
  for (const [main, want] of cases) {
    test(want, async () => {
      const { said: text, told } = await route(policy(FORWARD, main), "u@fwd.example");
      assert.equal(text, want);
      assert.ok(!/s3cr3t|mysecret/.test(told), told);
    });
  }

  test("nor does a right one", async () => {
    for (const [options, address] of [
      [FORWARD, "u@fwd.example"],
      [REVERSE, CAME_BACK],
    ] as const) {
      assert.ok(!/mysecret/.test((await route(policy(options), address)).told));
    }
  });
});

/** A bucket of the bus. */
class Values {
  readonly entries = new Map<string, { readonly value: unknown; readonly ttlMs: number }>();
  isAway = false;

  async get(key: string) {
    if (this.isAway) throw new DeferError("bus", "no answer");
    return this.entries.get(key);
  }

  async put(key: string, value: unknown, { ttlMs }: { readonly ttlMs: number }) {
    if (this.isAway) throw new DeferError("bus", "no answer");
    this.entries.set(key, { value, ttlMs });
  }
}

describe("the builtin store", () => {
  const THERE = policy("srs = forward\nsrs_alias = fwd.example\nsrs_dbinsert = builtin\ndata = joe@elsewhere.example");
  const BACK = policy(`${REVERSE}\nsrs_dbselect = builtin`);
  const deliver = { purpose: "deliver" } as const;

  test("knows a day longer than the address is good for who has sent the message", async () => {
    const values = new Values();
    const context = { srsStore: srsStore(() => values) };
    const { said: there } = await route(THERE, "u@fwd.example", { ...context, ...deliver });
    const [, address = ""] = / from (SRS0=[^=]{4}=JK==[a-z2-7]{16}@fwd\.example)$/.exec(there) ?? [];
    assert.notEqual(address, "", there);
    assert.deepEqual([...values.entries.values()], [{ value: { address: "joe@example.com" }, ttlMs: 32 * DAY }]);
    const back = { ...context, ...bounce };
    for (const written of [address, address.toUpperCase()])
      assert.equal((await route(BACK, written, back)).said, "joe@example.com from sender");
    assert.match((await route(BACK, address, back, NOW + 32 * DAY)).said, /^fail: SRS address has expired/);
    values.entries.clear();
    assert.match((await route(BACK, address, back)).said, /^defer: SRS: srs_dbselect has found no address/);
  });

  test("is not written by who only looks", async () => {
    const values = new Values();
    await route(THERE, "u@fwd.example", { srsStore: srsStore(() => values), purpose: "test" });
    assert.equal(values.entries.size, 0);
  });

  test("that does not answer makes the message wait, as does one that is not there", async () => {
    const values = new Values();
    values.isAway = true;
    const away = { srsStore: srsStore(() => values) };
    assert.match((await route(THERE, "u@fwd.example", { ...away, ...deliver })).said, /^defer: SRS: .*no answer/);
    assert.match(
      (await route(THERE, "u@fwd.example", deliver)).said,
      /^defer: SRS: the builtin store is not to be had/,
    );
  });

  test("is asked for a few seconds", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const store = srsStore(() => ({ get: () => new Promise(() => {}), put: () => new Promise(() => {}) }));
    const asked = assert.rejects(store.find("a".repeat(16)), /no answer in 5000 ms/);
    t.mock.timers.tick(5_000);
    await asked;
  });
});
