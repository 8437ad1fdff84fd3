import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DeliveryItem, MailEvent } from "@postbus/contracts";
import { compilePolicy } from "../../src/compile-policy.ts";
import { raiseOutcome } from "../../src/events/outcome-actions.ts";
import { OutcomeRaiser } from "../../src/events/outcome-raiser.ts";
import type { RaisedEvent } from "../../src/events/raised-event.ts";
import { checkConfiguration } from "../../src/reader/check-configuration.ts";

const process = { hostname: "mx.test", localAddresses: [], environment: {} };

/** @param main Of the main section. @param smtp Options of the transport `out`. */
function actionsOf(main = "", smtp = "", acls = "") {
  const text = `${main}
begin acl
note:
  accept logwrite = $acl_arg1 $event_name [$event_data] $event_defer_errno
${acls}
begin transports
out:
  driver = smtp
  hosts = 192.0.2.1
${smtp}
box:
  driver = appendfile
  directory = /var/mail/box
  maildir_format
  event_action = \${acl{note}{box}}
`;
  const file = "/etc/postbus.conf";
  const { configuration, faults } = checkConfiguration({ file, readFile: () => Buffer.from(text), portable: true });
  if (configuration === undefined) throw new Error(faults.join("\n"));
  return compilePolicy({ configuration, file, process, programVersion: "4.100" }).events;
}

const item: DeliveryItem = {
  v: 1,
  messageId: "1xUa5e-000000003Ub-30V6",
  returnPath: "s@c.test",
  recipients: [{ address: "u1@rem.test" }, { address: "u2@rem.test" }],
  receivedAtMs: 0,
  queuedAtMs: 0,
  attempt: 1,
  reception: { protocol: "esmtp", size: 1 },
  router: "rem",
  transport: "out",
  domain: "rem.test",
};
const common = { v: 1 as const, id: "e", atMs: 0, service: "delivery", messageId: item.messageId };
const attempt = {
  ...common,
  recipient: "u1@rem.test",
  returnPath: "s@c.test",
  router: "rem",
  transport: "out",
  host: "mx.rem.test",
  hostAddress: "192.0.2.25",
  hostPort: 25,
};
const delivered: MailEvent = { ...attempt, name: "msg:delivery", confirmation: "250 OK id=1" };
const failed: MailEvent = { ...attempt, name: "msg:fail:delivery", text: "550 no" };
const internal: MailEvent = {
  ...common,
  name: "msg:fail:delivery",
  recipient: "f@a.test",
  returnPath: "",
  router: "alias",
  text: "nobody here",
};
const deferred = (recipient: string, errno: number, text: string): MailEvent => ({
  ...attempt,
  recipient,
  name: "msg:defer",
  errno,
  text,
  nextTryAtMs: 0,
});

async function raise(actions: ReturnType<typeof actionsOf>, events: readonly MailEvent[]): Promise<readonly string[]> {
  const all = await raiseOutcome({ workId: "w", item, events }, actions, "delivery");
  return all.map((event) => (event.name === "log:line" ? event.text : event.name));
}

const NOTE = "  event_action = ${acl{note}{out}}";

describe("what becomes of recipients is told to the transport's event_action", () => {
  const reply = "SMTP error from remote mail server after RCPT TO:<u1@rem.test>: 450 4.2.0 later";
  /** Names, data and numbers as exim-4.100 gives them. */
  const cases = [
    {
      name: "a delivery, behind its line",
      events: [delivered],
      want: ["msg:delivery", "out msg:delivery [250 OK id=1] 0"],
    },
    {
      name: "a failure, before its line",
      events: [failed],
      want: ["out msg:fail:delivery [550 no] 0", "msg:fail:delivery"],
    },
    {
      name: "4yz to RCPT, with Exim's number for it",
      events: [deferred("u1@rem.test", -44, reply)],
      want: [`out msg:rcpt:defer [${reply}] 12865`, "msg:defer"],
    },
    {
      name: "what is no recipient's fault, once for all of them",
      events: [deferred("u1@rem.test", 111, "Connection refused"), deferred("u2@rem.test", 111, "Connection refused")],
      want: ["out msg:defer [Connection refused] 111", "msg:defer", "msg:defer"],
    },
    {
      name: "a local delivery, which has no data",
      events: [
        { ...common, recipient: "b@a.test", returnPath: "", router: "local", transport: "box", name: "msg:delivery" },
      ],
      want: ["msg:delivery", "box msg:delivery [] 0"],
    },
    {
      name: "local transports defer without an event",
      events: [{ ...deferred("b@a.test", 13, "Permission denied"), transport: "box" } as MailEvent],
      want: ["msg:defer"],
    },
  ] satisfies readonly {
    readonly name: string;
    readonly events: readonly MailEvent[];
    readonly want: readonly string[];
  }[];
  for (const { name, events, want } of cases) {
    test(name, async () => assert.deepEqual(await raise(actionsOf("", NOTE), events), want));
  }

  test("a failure without a transport is told to that of the main section", async () => {
    const actions = actionsOf("event_action = ${acl{note}{main}}", NOTE);
    assert.deepEqual(await raise(actions, [internal]), ["main msg:fail:internal [nobody here] 0", "msg:fail:delivery"]);
    assert.deepEqual(await raise(actionsOf("", NOTE), [internal]), ["msg:fail:delivery"]);
  });

  test("where nobody wants to know, there is no action", () => {
    const actions = actionsOf();
    assert.equal(actions.main, undefined);
    assert.equal(actions.ofTransport("out"), undefined);
  });
});

test("the variables of an event", async () => {
  const names = [
    ...["event_name", "event_data", "event_defer_errno", "local_part", "domain", "host", "host_address", "host_port"],
    ...["router_name", "transport_name", "sender_address", "message_exim_id", "sending_ip_address", "tpda_event"],
    ...[
      "tpda_delivery_ip",
      "tpda_delivery_port",
      "tpda_delivery_fqdn",
      "tpda_delivery_local_part",
      "tpda_delivery_domain",
    ],
    ...["tpda_delivery_confirmation", "tpda_defer_errno", "tpda_defer_errstr", "primary_hostname"],
  ];
  const text = names.map((name) => `$${name}`).join("|");
  const actions = actionsOf("", `  event_action = \${acl{show}{${text}}}`, "show:\n  accept logwrite = $acl_arg1");
  const known = () => ({ sending_ip_address: "192.0.2.7" });
  const shown = async (event: MailEvent) => {
    const all = await raiseOutcome({ workId: "w", item, events: [event], known }, actions, "delivery");
    const line = all.find((one) => one.name === "log:line");
    return line?.name === "log:line" ? line.text.split("|") : [];
  };
  const common = [
    "u1",
    "rem.test",
    "mx.rem.test",
    "192.0.2.25",
    "25",
    "rem",
    "out",
    "s@c.test",
    item.messageId,
    "192.0.2.7",
  ];
  const old = ["192.0.2.25", "25", "mx.rem.test", "u1", "rem.test"];
  assert.deepEqual(await shown(delivered), [
    ...["msg:delivery", "250 OK id=1", "0", ...common, "msg:delivery", ...old],
    ...["250 OK id=1", "", "", "mx.test"],
  ]);
  assert.deepEqual(await shown(deferred("u1@rem.test", 110, "Connection timed out")), [
    ...["msg:defer", "Connection timed out", "110", ...common, "msg:defer", ...old],
    ...["", "110", "Connection timed out", "mx.test"],
  ]);
});

describe("an action", () => {
  const raised = async (option: string, event: RaisedEvent = { name: "tcp:connect" }, main = "") => {
    const lines: string[] = [];
    const log = (targets: readonly string[], text: string) => void lines.push(`${targets.join("+")}: ${text}`);
    const action = actionsOf(main, option).ofTransport("out");
    return { answer: await action?.raise(event, { variables: { get: () => undefined }, log }), lines };
  };

  test("answers what the option expands to", async () => {
    assert.deepEqual(await raised("  event_action = ${if eq{$event_name}{tcp:connect}{not $transport_name}}"), {
      answer: "not ",
      lines: [],
    });
  });

  test("that cannot be expanded is logged, and answers nothing", async () => {
    assert.deepEqual(await raised("  event_action = ${if eq{$event_name}{tcp:connect}{${extract{x}}}}"), {
      answer: "",
      lines: ["main+panic: failed to expand event_action tcp:connect in out: missing '{' for arg 2 of extract"],
    });
  });

  test("that says fail answers nothing, and that is nobody's fault", async () => {
    assert.deepEqual(await raised("  event_action = ${if eq{a}{b}{x}fail}"), { answer: "", lines: [] });
  });

  test("of the first descriptions has its own event, and no answer", async () => {
    const option = "  tpda_delivery_action = ${acl{note}{delivery}}x\n  tpda_host_defer_action = ${acl{note}{host}}x\n";
    assert.deepEqual(await raised(option, { name: "msg:delivery", data: "250 ok" }), {
      answer: "",
      lines: ["main: delivery msg:delivery [250 ok] 0"],
    });
    assert.deepEqual(await raised(option, { name: "msg:host:defer", data: "gone", deferErrno: 110 }), {
      answer: "",
      lines: ["main: host msg:host:defer [gone] 110"],
    });
    assert.deepEqual(await raised(option, { name: "tcp:connect" }), { answer: "", lines: [] });
    const both = `${option}  event_action = \${acl{note}{event}}`;
    assert.deepEqual((await raised(both, { name: "msg:delivery" })).lines, [
      "main: delivery msg:delivery [] 0",
      "main: event msg:delivery [] 0",
    ]);
  });
});

describe("msg:complete", () => {
  const deps = (recorded: MailEvent[]) => ({
    service: "delivery" as const,
    record: async (events: readonly MailEvent[]) => void recorded.push(...events),
    log: { error: (facts: object) => assert.fail(JSON.stringify(facts)) },
  });
  const complete: MailEvent = { ...common, name: "msg:complete" };

  test("is told behind the commit that ends the message", async () => {
    const recorded: MailEvent[] = [];
    const raiser = new OutcomeRaiser(deps(recorded));
    const actions = actionsOf("event_action = ${acl{note}{$sender_address}}");
    const outcome = await raiser.raise({ events: [], eventsIfComplete: [complete] }, { workId: "w", item }, actions);
    await raiser.stop();
    assert.equal(recorded.length, 0);
    (outcome as { whenComplete?: () => void }).whenComplete?.();
    await raiser.stop();
    assert.deepEqual(
      recorded.map((event) => event.name === "log:line" && [event.messageId, event.text]),
      [[item.messageId, "s@c.test msg:complete [] 0"]],
    );
  });

  test("is told nobody without an action in the main section", async () => {
    const raiser = new OutcomeRaiser(deps([]));
    const outcome = await raiser.raise(
      { events: [], eventsIfComplete: [complete] },
      { workId: "w", item },
      actionsOf(),
    );
    assert.equal("whenComplete" in outcome, false);
  });
});
