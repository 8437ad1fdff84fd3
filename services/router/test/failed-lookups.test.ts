import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { WorkItem } from "@postbus/bus";
import type { RouteItem } from "@postbus/contracts";
import type { Resolver } from "@postbus/dns";
import { DeferError } from "@postbus/mail";
import { loadPolicy } from "@postbus/policy";
import { compileRouters } from "@postbus/routing";
import { pino } from "pino";
import { routerHandler } from "../src/handler.ts";

const policyWith = (main: string): string => `${main}
acl_smtp_rcpt = ev
begin acl
ev:
  accept logwrite = EV $acl_arg1 [$acl_arg2] $acl_arg3@$acl_arg4
begin routers
a:
  driver = dnslookup
  domains = d.test : busy.test
  transport = t
m:
  driver = manualroute
  route_list = m.test nohost.test ; bydns.test nohost.test bydns
  host_find_failed = defer
  transport = t
begin transports
t:
  driver = smtp
`;

const resolver: Resolver = {
  async resolve(name, type) {
    if (name.startsWith("busy")) throw new DeferError("dns", `no answer about ${name} ${type}`);
    return {
      state: name === "d.test" && type === "MX" ? "no data" : "no such name",
      authenticated: false,
      ttlSeconds: 1,
    };
  },
};

async function linesOf(main: string, ...addresses: string[]): Promise<readonly string[]> {
  const directory = mkdtempSync(join(tmpdir(), "postbus-lookups-"));
  const file = join(directory, "p.conf");
  try {
    writeFileSync(file, policyWith(main));
    const loaded = await loadPolicy({ file, resolver });
    const item: RouteItem = {
      v: 1,
      messageId: "1vMhGf-0000000012a-0Ab3",
      returnPath: "s@x.test",
      recipients: addresses.map((address) => ({ address })),
      receivedAtMs: 1,
      queuedAtMs: 1,
      attempt: 1,
      reception: { protocol: "esmtp", size: 12 },
    };
    const handler = routerHandler({
      policy: () => ({ ...loaded, routing: compileRouters(loaded.configuration) }),
      readSpooled: () => assert.fail("there is nothing spooled"),
      metrics: { routed: () => {} },
      log: pino({ level: "silent" }),
      now: () => 2,
      random: () => 0,
    });
    const work: WorkItem = {
      id: `${item.messageId}_0_0`,
      subject: "mail.route.0",
      messageId: item.messageId,
      header: item,
      content: { kind: "inline", octets: Buffer.from("Subject: x\r\n\r\n") },
      handedOut: 1,
      isHeld: () => true,
      remember: () => {},
      signal: new AbortController().signal,
    };
    const { events = [] } = await handler(work);
    await loaded.stop();
    return events.flatMap((event) => (event.name === "log:line" ? [event.text] : []));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const ACTION =
  "event_action = ${if eq{$event_name}{dns:fail}{${acl{ev}{$event_name}{$event_data}{$local_part}{$domain}}}}";

/** As exim-4.98 has it, before the line of the recipient. */
const NOT_FOUND = "no IP address found for host nohost.test";

/** Reasons, names and types are those of exim-4.98; it has no network here, so no others could be compared. */
test("dns:fail of the main section is told of what routers look up in vain, each once", async () => {
  const lines = await linesOf(ACTION, "a@d.test", "b@m.test", "c@m.test", "e@busy.test");
  assert.deepEqual(lines.toSorted(), [
    "EV dns:fail [DNS_AGAIN:busy.test:MX] e@busy.test",
    "EV dns:fail [DNS_NODATA:d.test:MX] a@d.test",
    "EV dns:fail [DNS_NOMATCH:d.test:AAAA] a@d.test",
    "EV dns:fail [DNS_NOMATCH:d.test:A] a@d.test",
    "EV dns:fail [DNS_NOMATCH:nohost.test:AAAA] b@m.test",
    "EV dns:fail [DNS_NOMATCH:nohost.test:A] b@m.test",
    NOT_FOUND,
  ]);
});

test("without an action nobody is told", async () => assert.deepEqual(await linesOf("", "a@d.test"), []));

test("a host of manualroute without an address has a line, once, unless host_lookup_failed is off or its DNS alone is asked", async () => {
  assert.deepEqual(await linesOf("", "a@d.test", "b@m.test", "c@m.test"), [NOT_FOUND]);
  assert.deepEqual(await linesOf("log_selector = -host_lookup_failed", "b@m.test"), []);
  assert.deepEqual(await linesOf("", "b@bydns.test"), []);
});
