import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AddressVerdict, VerifyAddressRequest } from "../../src/acl/verify-address.ts";
import { askRcpt, contentOf, type PolicySessionOptions, policySession, shown } from "./policy-session.ts";

const LATER = "451 Temporary local problem - please try later";

/** Answers by local part: `good`, `gone`, `later`; everybody else is unrouteable. */
function verifyAddress({ address }: VerifyAddressRequest): AddressVerdict {
  switch (address.split("@", 1)[0]?.toLowerCase()) {
    case "good":
    case "bob":
      return { result: "good", addressData: "data" };
    case "gone":
      return { result: "bad", text: "left", isTextForClient: true, failure: "route" };
    case "later":
      return { result: "unknown", text: "soon", isTextForClient: true, failure: "route" };
    default:
      return { result: "bad", text: "Unrouteable address", failure: "route" };
  }
}

async function ask(statements: string, sender: string, recipient: string) {
  const { acls } = policySession(`acl_smtp_rcpt = c\nbegin acl\nc:\n${statements}\n`, { hooks: { verifyAddress } });
  await acls.mail({ returnPath: sender });
  return [shown(await acls.recipient(recipient)), shown(await acls.recipient(recipient))];
}

describe("verify = recipient", () => {
  const rows: readonly [name: string, statements: string, recipient: string, said: string][] = [
    ["good", "  accept verify = recipient\n    message = $address_data", "good@x", "accept 250 data"],
    ["unrouteable", "  require verify = recipient", "no@x", "550 Unrouteable address"],
    ["with a text of its own", "  require verify = recipient", "gone@x", "550 left"],
    ["not now", "  require verify = recipient", "later@x", "451 soon"],
    ["not now, but tolerated", "  require verify = recipient/defer_ok\n  accept", "later@x", "accept"],
    [
      "the reason in the message",
      "  deny !verify = recipient\n    message = no: $acl_verify_message, $recipient_verify_failure",
      "no@x",
      "550 no: Unrouteable address, route",
    ],
    [
      "the reason in the rest of the statement",
      "  deny !verify = recipient\n    set acl_m_x = $acl_verify_message\n    message = $acl_m_x",
      "gone@x",
      "550 left",
    ],
    [
      "no reason behind the statement",
      "  warn !verify = recipient\n  deny message = [$acl_verify_message]",
      "gone@x",
      "550 []",
    ],
    ["an unknown option", "  require verify = recipient/nonsense\n  accept", "good@x", LATER],
  ];
  for (const [name, statements, recipient, said] of rows) {
    test(name, async () => assert.equal((await ask(statements, "a@b", recipient))[0], said));
  }

  describe("with smtp_return_error_details, clients are told why they are put off", () => {
    const hooks: PolicySessionOptions["hooks"] = {
      verifyAddress: ({ address }) =>
        address.startsWith("ok")
          ? { result: "good" }
          : { result: "unknown", text: "soon", log: "host is down", failure: "route" },
    };
    const cases: readonly [name: string, statements: string, said: string, usual: string][] = [
      ["a recipient", "  require verify = recipient", "451 soon", LATER],
      ["a sender, each time", "  require verify = sender", "451 host is down|Could not complete sender verify", LATER],
      ["text of the verb", "  defer message = my words", "451 my words", "451 my words"],
      ["nothing to tell", "  deny condition = ${lookup{x}lsearch{/nonexistent}}", LATER, LATER],
    ];
    for (const [name, statements, said, usual] of cases) {
      for (const isOn of [true, false]) {
        test(`${name}: ${isOn}`, async () => {
          const option = `smtp_return_error_details = ${isOn}\n`;
          const { acls } = policySession(`${option}acl_smtp_rcpt = c\nbegin acl\nc:\n${statements}\n`, { hooks });
          await acls.mail({ returnPath: "later@x" });
          const answers = [await acls.recipient("later@x"), await acls.recipient("later@x")];
          assert.deepEqual(answers.map(shown), [isOn ? said : usual, isOn ? said : usual]);
        });
      }
    }
  });

  test("asks for what its options say", async () => {
    const asked: VerifyAddressRequest[] = [];
    const hooks = {
      verifyAddress: (request: VerifyAddressRequest): AddressVerdict => {
        asked.push(request);
        return { result: "good" };
      },
    };
    const options =
      "callout=20s,connect=5s,maxwait=1m,defer_ok,no_cache,random,use_sender,postmaster,hold/success_on_redirect/quota=cachepos=1h";
    assert.equal((await askRcpt(`  accept verify = recipient/${options}`, { hooks })).said, "accept");
    assert.deepEqual(asked, [
      {
        kind: "recipient",
        address: "Bob@Test.example",
        isGoodWhenRedirected: true,
        callout: {
          timeoutMs: 20_000,
          connectTimeoutMs: 5_000,
          maxWaitMs: 60_000,
          toleratesDefer: true,
          usesCache: false,
          isRandomTested: true,
          postmaster: "postmaster",
          sender: "sender",
          isHeld: true,
          usesTransportSender: false,
        },
        quota: { goodSeconds: 3600 },
      },
    ]);
  });

  test("without anybody to route, it defers", async () =>
    assert.equal((await askRcpt("  accept verify = recipient")).said, LATER));
});

test("mailfrom is for header_sender, as in Exim", async () => {
  for (const kind of ["sender", "recipient"]) {
    const { said, log } = await askRcpt(`  accept verify = ${kind}/callout=5s,mailfrom=a@b`, {
      hooks: { verifyAddress },
    });
    assert.equal(said, LATER, `${kind}: ${log}`);
  }
});

describe("verify = sender", () => {
  test("the first refusal says why, the next ones do not", async () => {
    assert.deepEqual(await ask("  require verify = sender", "gone@x", "b@c"), [
      "550 Verification failed for <gone@x>|left|Sender verify failed",
      "550 Sender verify failed",
    ]);
  });
  test("what a host has said has a heading of its own, and other words in the log", async () => {
    const verdict: AddressVerdict = {
      result: "bad",
      failure: "mail",
      heading: "Callback setup failed while verifying <a@b>",
      text: "Called:   mx\nResponse: 550 no",
      log: "mx [192.0.2.9] : 550 no",
    };
    const { acls, log } = policySession(
      "acl_smtp_rcpt = check\nbegin acl\ncheck:\n  require verify = sender/callout\n",
      {
        hooks: { verifyAddress: () => verdict },
      },
    );
    await acls.mail({ returnPath: "a@b" });
    assert.equal(
      shown(await acls.recipient("x@y")),
      "550 Callback setup failed while verifying <a@b>|Called:   mx|Response: 550 no|Sender verify failed",
    );
    assert.deepEqual(log, ["main+reject: sender verify fail for <a@b>: mx [192.0.2.9] : 550 no"]);
  });
  test("a host that could not say is told of, whoever else's words are not", async () => {
    const verdict: AddressVerdict = {
      result: "unknown",
      failure: "recipient",
      text: "Could not complete sender verify callout",
      log: "Could not complete sender verify callout: mx [192.0.2.9] : 450 later",
      isTextForClient: true,
    };
    const { acls, log } = policySession(
      "acl_smtp_rcpt = check\nbegin acl\ncheck:\n  require verify = sender/callout\n",
      {
        hooks: { verifyAddress: () => verdict },
      },
    );
    await acls.mail({ returnPath: "a@b" });
    assert.equal(shown(await acls.recipient("x@y")), "451 Could not complete sender verify callout");
    assert.deepEqual(log, [
      "main+reject: sender verify defer for <a@b>: Could not complete sender verify callout: mx [192.0.2.9] : 450 later",
    ]);
  });
  test("with no_details, none does", async () => {
    assert.deepEqual(await ask("  require verify = sender/no_details", "gone@x", "b@c"), [
      "550 Sender verify failed",
      "550 Sender verify failed",
    ]);
  });
  test("not now", async () => assert.equal((await ask("  require verify = sender", "later@x", "b@c"))[0], LATER));
  test("not now, but tolerated", async () =>
    assert.equal((await ask("  require verify = sender/defer_ok\n  accept", "later@x", "b@c"))[0], "accept"));
  test("the null sender is good", async () =>
    assert.equal((await ask("  require verify = sender\n  accept", "", "b@c"))[0], "accept"));
  test("another address may be asked about", async () => {
    assert.match(
      (await ask("  require verify = sender=gone@y/no_details\n  accept", "good@x", "b@c"))[0] ?? "",
      /^550 Sender/,
    );
  });
  test("is asked once for a message", async () => {
    let count = 0;
    const { acls } = policySession("acl_smtp_rcpt = accept verify = sender\n", {
      hooks: { verifyAddress: () => ({ result: ++count > 0 ? "good" : "bad" }) },
    });
    await acls.mail({ returnPath: "a@b" });
    for (let i = 0; i < 3; i++) await acls.recipient("x@y");
    assert.equal(count, 1);
  });
});

describe("verification of a header", () => {
  const check = async (condition: string, header: string, recipients: readonly string[] = ["good@x"]) => {
    const { acls } = policySession(
      `acl_smtp_rcpt = accept\nacl_smtp_data = c\nbegin acl\nc:\n  accept verify = ${condition}\n  deny message = [$acl_verify_message]\n`,
      { hooks: { verifyAddress } },
    );
    await acls.mail({ returnPath: "" });
    for (const address of recipients) await acls.recipient(address);
    acls.content(contentOf(header));
    return shown(await acls.data());
  };
  const rows: readonly [condition: string, header: string, said: RegExp, recipients?: string[]][] = [
    ["header_syntax", 'From: a@b\nTo: A B <c@d>, "x, y" <e@f>\n', /^accept/],
    ["header_syntax", "From: a@b@c\n", /^550/],
    ["header_syntax", "To: undisclosed-recipients:;\n", /^accept/],
    ["header_syntax", "Subject: a@@b\n", /^accept/],
    ["header_syntax/x", "From: a@b\n", /^451/],
    ["header_names_ascii", "Subject: \xe4\n", /^accept/],
    ["header_names_ascii", "Subj\xe4ct: x\n", /^550/],
    ["header_sender", "From: good@x\n", /^accept/],
    ["header_sender", "From: gone@x\nReply-To: good@y\n", /^accept/],
    ["header_sender", "From: gone@x\n", /^550/],
    ["header_sender", "Subject: x\n", /^550/],
    ["not_blind", "To: good@x\n", /^accept/],
    ["not_blind", "Cc: G <good@X>\n", /^accept/],
    ["not_blind", "To: other@x\n", /^550/],
    ["not_blind", "To: GOOD@x\n", /^550/],
    ["not_blind/case_insensitive", "To: GOOD@x\n", /^accept/],
    ["not_blind", "To: good@x\n", /^550/, ["good@x", "bob@x"]],
  ];
  for (const [condition, header, said, recipients] of rows) {
    test(`${condition}: ${JSON.stringify(header)}`, async () =>
      assert.match(await check(condition, header, recipients), said));
  }
});

describe("verification of the client", () => {
  const zone = {
    "PTR 1.2.0.192.in-addr.arpa": ["client.example"],
    "A client.example": ["192.0.2.1"],
    "A other.example": ["192.0.2.1", "192.0.2.7"],
    "A else.example": ["192.0.2.8"],
    "PTR 2.2.0.192.in-addr.arpa": "defer",
  } as const;
  const check = async (condition: string, helo: string, options: PolicySessionOptions = {}) => {
    const { acls } = policySession(`acl_smtp_helo = c\nbegin acl\nc:\n  accept verify = ${condition}\n`, {
      zone,
      ...options,
    });
    return shown(await acls.helo(helo, true));
  };
  const rows: readonly [condition: string, helo: string, address: string, said: RegExp][] = [
    ["helo", "client.example", "192.0.2.1", /^accept/],
    ["helo", "CLIENT.example", "192.0.2.1", /^accept/],
    ["helo", "other.example", "192.0.2.1", /^accept/],
    ["helo", "else.example", "192.0.2.1", /^550/],
    ["helo", "[192.0.2.1]", "192.0.2.1", /^accept/],
    ["helo", "[192.0.2.2]", "192.0.2.1", /^550/],
    ["helo", "[IPv6:2001:db8::1]", "2001:db8:0::1", /^accept/],
    ["helo", "x.example", "192.0.2.2", /^451/],
    ["reverse_host_lookup", "x", "192.0.2.1", /^accept/],
    ["reverse_host_lookup", "x", "192.0.2.9", /^550/],
    ["reverse_host_lookup", "x", "192.0.2.2", /^451/],
    ["reverse_host_lookup/defer_ok", "x", "192.0.2.2", /^accept/],
    ["reverse_host_lookup", "x", "", /^accept/],
    ["certificate", "x", "192.0.2.1", /^550 no verified certificate/],
    ["csa", "x", "192.0.2.1", /^451/],
  ];
  for (const [condition, helo, address, said] of rows) {
    test(`${condition} as ${helo} from ${address}`, async () =>
      assert.match(await check(condition, helo, { address }), said));
  }
});

describe("why a client's name is not found, in the words of Exim 4.98.2", () => {
  const zone = {
    "PTR 1.2.0.192.in-addr.arpa": ["liar.example", "client.example", "CLIENT2.example"],
    "A liar.example": ["192.0.2.99"],
    "A client.example": ["192.0.2.1"],
    "A client2.example": ["192.0.2.1"],
    "A CLIENT2.example": ["192.0.2.1"],
    "PTR 2.2.0.192.in-addr.arpa": "defer",
    "PTR 3.2.0.192.in-addr.arpa": ["liar.example"],
  } as const;
  const about = "for reverse lookup check";
  const LIES = "192.0.2.3 does not match any IP address for liar.example";
  const rows = [
    ["192.0.2.9", "550", `host lookup failed ${about} (failed to find host name from IP address)`],
    ["192.0.2.3", "550", `host lookup failed ${about} (${LIES})`],
    ["192.0.2.2", "451", `host lookup deferred ${about}`],
  ] as const;
  for (const [address, code, log] of rows) {
    test(address, async () => {
      const config =
        "acl_smtp_helo = c\nbegin acl\nc:\n  require message = <$acl_verify_message>\n    verify = reverse_host_lookup\n";
      const { acls } = policySession(config, { zone, address });
      const answer = await acls.helo("x", true);
      if (answer.verdict === "accept") throw new Error("it was let in");
      assert.equal(answer.log, log);
      assert.equal(shown(answer), `${code} ${code === "550" ? "<>" : "Temporary local problem - please try later"}`);
    });
  }

  test("that a client has no name is found out once, and logged once", async () => {
    const lists = "  warn hosts = *.a.example\n  warn hosts = *.b.example : *.c.example\n";
    const config = `acl_smtp_helo = c\nbegin acl\nc:\n${lists}  accept message = $host_lookup_failed\n`;
    const said: string[] = [];
    const log = (_: unknown, text: string) => void said.push(text);
    const { acls } = policySession(config, { zone, address: "192.0.2.9", hooks: { log } });
    assert.equal(shown(await acls.helo("x", true)), "accept 250 1");
    assert.deepEqual(
      said.filter((text) => text.startsWith("no host name found")),
      ["no host name found for IP address 192.0.2.9"],
    );
  });

  test("what a host list finds out is the client's name from then on, and all its names count", async () => {
    const config = `acl_smtp_helo = c
begin acl
c:
  warn hosts = *.elsewhere
  deny !hosts = *2.example
  accept message = $sender_fullhost
`;
    const { acls, session } = policySession(config, { zone });
    session.connection.helo = "x";
    assert.equal(shown(await acls.helo("x", true)), "accept 250 client.example (x) [192.0.2.1]");
  });
});

test("a megabyte of addresses in the header lets others run while it is looked at", async () => {
  for (const condition of ["header_syntax", "not_blind", "header_sender"]) {
    const { acls } = policySession(
      `acl_smtp_rcpt = accept
acl_smtp_data = c
begin acl
c:
  accept verify = ${condition}
`,
      { hooks: { verifyAddress } },
    );
    await acls.mail({ returnPath: "" });
    await acls.recipient("good@x");
    // Nobody is asked about `<>`, and it ends `header_syntax`.
    const from = condition === "header_syntax" ? "e@f" : "<>";
    acls.content(contentOf(`To: ${"a@b,".repeat(60_000)}c@d\nFrom: ${`${from},`.repeat(60_000)}${from}\n`));
    let turns = 0;
    let ticking = setImmediate(tick);
    function tick(): void {
      turns++;
      ticking = setImmediate(tick);
    }
    try {
      await acls.data();
    } finally {
      clearImmediate(ticking);
    }
    assert.ok(turns > 5, `${condition}: ${turns}`);
  }
});
