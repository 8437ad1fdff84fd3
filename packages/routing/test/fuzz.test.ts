import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { routingOf, TRANSPORTS } from "./routing-of.ts";

/** A configuration whose every string comes from outside. */
const TEXT = `primary_hostname = mx.test.example
begin routers
list:
  driver = redirect
  domains = $acl_m_domains
  local_parts = $acl_m_locals
  senders = $acl_m_senders
  condition = $acl_m_condition
  local_part_prefix = *- : x
  local_part_prefix_optional
  local_part_suffix = +* : _s
  local_part_suffix_optional
  allow_fail
  allow_defer
  skip_syntax_errors = false
  errors_to = $acl_m_errors
  headers_add = $acl_m_data
  headers_remove = $acl_m_data
  address_data = $acl_m_data
  set = r_x = $acl_m_data
  data = $acl_m_data
  file_transport = local
  pipe_transport = pipe
  more = $acl_m_more
hosts:
  driver = manualroute
  route_data = $acl_m_hosts
  require_files = $acl_m_files
  host_find_failed = ignore
  transport = $acl_m_transport
  unseen = $acl_m_more
names:
  driver = dnslookup
  check_srv = $acl_m_hosts
  transport = remote
literal:
  driver = ipliteral
  transport = remote
${TRANSPORTS}`;

const pieces = fc.constantFrom(
  ...'ab@.:;,<>()[]"\\/|#!+*^$ \n\t\x00\xff-_0%',
  "a@b.test",
  ":fail:",
  ":defer:",
  ":blackhole:",
  ":include:",
  "/etc/passwd",
  "10.0.0.1",
  "::1",
  "byname",
  "yes",
  "no",
  "lsearch;/etc/passwd",
  "+x",
  "/mx",
  "remote",
  "local",
  "127.0.0.1",
  "<;",
);
const text = fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join(""));
const names = ["domains", "locals", "senders", "condition", "errors", "data", "more", "hosts", "files", "transport"];
const mostly = (name: string) =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(name === "more" ? "yes" : name === "transport" ? "remote" : "*") },
    { weight: 2, arbitrary: text },
  );
const RUNS = Number(process.env["POSTBUS_TEST_RUNS"] ?? 300);

test(`whatever stands in a configuration and in an address, routing gives an outcome (${RUNS} runs)`, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record(Object.fromEntries(names.map((name) => [`acl_m_${name}`, mostly(name)]))),
      fc.oneof(
        text,
        text.map((local) => `${local}@x.test`),
        fc.constant("a@[10.0.0.1]"),
      ),
      async (variables, address) => {
        const { routing, context } = routingOf(TEXT, { variables });
        const start = performance.now();
        const { outcomes } = await routing.route(address, context);
        assert.ok(outcomes.length > 0);
        const request = { kind: "recipient", address, isGoodWhenRedirected: false } as const;
        const { result } = await routing.verify(request, context);
        assert.match(result, /^(?:good|bad|unknown)$/);
        assert.ok(performance.now() - start < 60_000);
      },
    ),
    { numRuns: RUNS, seed: Number(process.env["POSTBUS_TEST_SEED"] ?? 7) },
  );
});

test("an address of any length takes time by its length", async () => {
  const { routing, context } = routingOf(TEXT, { variables: { acl_m_more: "yes", acl_m_transport: "remote" } });
  for (const piece of ["a-", "+a", ".", "@", '"', "\\", "a."]) {
    const start = performance.now();
    await routing.route(`${piece.repeat(50_000)}@x.test`, context);
    assert.ok(performance.now() - start < 60_000, piece);
  }
});
