import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { authenticatorOptions } from "../../src/options/authenticators/generic.ts";
import { authenticatorDrivers } from "../../src/options/authenticators/index.ts";
import { mainOptions } from "../../src/options/main/index.ts";
import type { OptionTable } from "../../src/options/option.ts";
import { routerOptions } from "../../src/options/routers/generic.ts";
import { routerDrivers } from "../../src/options/routers/index.ts";
import { transportOptions } from "../../src/options/transports/generic.ts";
import { transportDrivers } from "../../src/options/transports/index.ts";
import { predefinedMacros } from "../../src/reader/predefined-macros.ts";

const drivers = { ...routerDrivers, ...transportDrivers, ...authenticatorDrivers };
const tables: readonly (readonly [string, OptionTable])[] = [
  ["main", mainOptions],
  ["routers", routerOptions],
  ["transports", transportOptions],
  ["authenticators", authenticatorOptions],
  ...Object.entries(drivers).map(([name, { options }]): [string, OptionTable] => [name, options]),
];

describe("tables of options", () => {
  for (const [name, table] of tables) {
    test(`${name}: other names lead to options of the table, of the same type`, () => {
      for (const [alias, { status, type }] of Object.entries(table)) {
        for (const target of status.kind === "alias" ? status.of : []) {
          assert.equal(table[target]?.type, type, `${alias} → ${target}`);
          assert.notEqual(table[target]?.status.kind, "alias");
        }
      }
    });

    test(`${name}: names are Exim's spelling, defaults pass the option's own check`, () => {
      for (const [option, { check, value }] of Object.entries(table)) {
        assert.match(option, /^[a-z][a-z0-9_]*$/);
        if (typeof value === "string") assert.equal(check?.(value), undefined, option);
      }
    });
  }
});

describe("predefined macros", () => {
  const macros = predefinedMacros(["_EXP_COND_FORANY"]);

  test("there is one for each thing that is there", () => {
    for (const name of [
      "_HAVE_TLS",
      "_HAVE_OPENSSL",
      "_OPT_MAIN_PRDR_ENABLE",
      "_OPT_ROUTERS_DSN_LASTHOP",
      "_OPT_ROUTER_REDIRECT_DATA",
      "_OPT_TRANSPORTS_EVENT_ACTION",
      "_OPT_TRANSPORT_SMTP_ARC_SIGN",
      "_DRIVER_TRANSPORT_QUEUEFILE",
      "_ACL_COND_DMARC_STATUS",
      "_ACL_MOD_UDPSEND",
      "_LOG_PROXY",
      "_EXP_COND_FORANY",
    ]) {
      assert.equal(macros.get(name), "y", name);
    }
  });

  test("there is none for what is not", () => {
    for (const name of [
      "_HAVE_PERL",
      "_HAVE_GNUTLS",
      "_HAVE_LOOKUP_LDAP",
      "_OPT_MAIN_PERL_STARTUP",
      "_DRIVER_AUTHENTICATOR_SPA",
      "_DRIVER_ROUTER_QUERYPROGRAM",
    ]) {
      assert.equal(macros.get(name), undefined, name);
    }
  });

  test("no name is replaced inside of a longer one", () => {
    const names = [...macros.keys()];
    for (const [i, name] of names.entries()) {
      assert.ok(!names.slice(i + 1).some((later) => later.includes(name)), name);
    }
  });

  test("lists of headers to sign", () => {
    assert.match(macros.get("_DKIM_OVERSIGN_HEADERS") ?? "", /^\+From:\+Sender:/);
  });
});
