import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ConnectionOptions } from "node:tls";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "./raw-client.ts";
import { triedServer } from "./tried-server.ts";

/** Lets our side's library speak versions that it should not. */
const ANY = "ALL:@SECLEVEL=0";

interface Row {
  readonly name: string;
  readonly client: ConnectionOptions;
  /** Undefined: the handshake is made, and the session goes on. */
  readonly log?: RegExp;
}

/** Versions of RFC 8996, and names that files are named after where a policy says so (CVE-2019-15846). */
const rows: readonly Row[] = [
  {
    name: "TLS 1.0",
    client: { minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: ANY },
    log: /\(SSL_accept\): unsupported protocol/,
  },
  {
    name: "TLS 1.1",
    client: { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: ANY },
    log: /\(SSL_accept\): unsupported protocol/,
  },
  { name: "TLS 1.2", client: { maxVersion: "TLSv1.2" } },
  { name: "no name", client: { servername: "" } },
  { name: "a name of 255 octets", client: { servername: "x".repeat(255) } },
  { name: "a name that ends in a backslash", client: { servername: "other\\" } },
  { name: "a name with slashes", client: { servername: "other/../../etc/passwd" } },
  { name: "a name with blanks and line ends", client: { servername: "other \r\n x" } },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a policy's language, not ours
  { name: "a name in the policy's language", client: { servername: "other${run{/bin/false}}" } },
  { name: "a name with octets above 127", client: { servername: "other\u00fc" } },
  {
    name: "a name that has no certificate",
    client: { servername: "other.test" },
    log: /\(SSL_accept\): .*\/nowhere\/other\.test\.pem/,
  },
];

const server = await triedServer();

describe("hellos, behind STARTTLS and where TLS comes first", () => {
  for (const { name, client: options, log } of rows) {
    for (const isFirst of [false, true]) {
      test(`${name}${isFirst ? ", first" : ""}`, async () => {
        const client = await RawClient.connect(isFirst ? server.tlsPort : server.port);
        try {
          if (!isFirst) await greeted(client);
          if (log !== undefined) {
            await assert.rejects(client.secure(options));
            return;
          }
          await client.secure(options);
          if (isFirst) assert.equal((await client.reply())?.slice(0, 3), "220");
          await client.send("EHLO client.example\r\n");
          assert.equal((await client.reply())?.slice(0, 3), "250");
          await client.send("QUIT\r\n");
          assert.equal((await client.reply())?.slice(0, 3), "221");
        } finally {
          client.close();
        }
      });
    }
  }
});

async function greeted(client: RawClient): Promise<void> {
  await client.reply();
  await client.send("EHLO client.example\r\n");
  await client.reply();
  await client.send("STARTTLS\r\n");
  assert.equal((await client.reply())?.slice(0, 3), "220");
}

test("the log tells of those that are not made", async () => {
  for (const { log } of rows) {
    if (log !== undefined) await eventually(async () => log.test(await server.log()) || undefined);
  }
});

test("and then the program is well", () => server.isWell(0));
