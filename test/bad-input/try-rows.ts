import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually } from "../support/eventually.ts";
import type { BadInput } from "./bad-input.ts";
import { RawClient } from "./raw-client.ts";
import { type TriedServer, triedServer } from "./tried-server.ts";

/** Tries all rows at one running program; then it has to be well, and its log to tell of them. */
export async function tryRows(groups: Readonly<Record<string, readonly BadInput[]>>): Promise<void> {
  const server = await triedServer();
  let taken = 0;
  for (const [group, rows] of Object.entries(groups)) {
    describe(group, () => {
      for (const row of rows) {
        test(row.name, async () => {
          taken += await tryRow(row, server);
        });
      }
    });
  }
  test("the log tells of what it must tell", async () => {
    const logged = Object.values(groups).flatMap((rows) => rows.filter((row) => row.log !== undefined));
    await eventually(async () => {
      const log = await server.log();
      return logged.every((row) => row.log?.test(log)) || undefined;
    }).catch(async () => {
      const log = await server.log();
      assert.fail(`not there: ${logged.filter((row) => !row.log?.test(log)).map(({ log }) => log)} in\n${log}`);
    });
  });
  test("and then the program is well: a good message, nothing lost of what it took, memory bounded", () =>
    server.isWell(taken));
}

/** As the policy of `triedServer` has them. */
const ADDRESSES = { anywhere: "127.0.0.1", proxy: "127.0.0.2", "where greetings take long": "127.0.0.3" } as const;

/** @returns how many messages were taken. */
async function tryRow(row: BadInput, server: TriedServer): Promise<number> {
  const { say, packet, begins, from, to, tls, ends, text, after } = row;
  const client = await RawClient.connect(
    to === "tls port" ? server.tlsPort : server.port,
    ADDRESSES[from ?? "anywhere"],
  );
  const seen: string[] = [];
  const expect = async (codes: string): Promise<string> => {
    let last = "";
    for (const code of codes.split(" ").filter((word) => word !== "")) {
      last = (await client.reply()) ?? "closed";
      seen.push(last);
      if (last.slice(0, 3) !== code) assert.equal(last.slice(0, 3), code, seen.slice(-20).join(""));
    }
    return last;
  };
  try {
    if (begins !== "early") await expect("220");
    if (begins === undefined) await begin(client, expect, tls === true);
    let last = "";
    for (const [octets, codes] of say) {
      await client.send(octets, packet);
      last = await expect(codes);
    }
    if (text !== undefined) assert.match(last, text);
    if (ends === "reset") client.reset();
    else if (ends === "half-close") client.halfClose();
    if (after === undefined && ends === undefined) {
      await client.send("RSET\r\n");
      await expect("250");
      await client.send("QUIT\r\n");
      await expect("221");
    }
    if (ends !== "reset") await client.ended();
    // An alert of TLS is no word.
    if (!client.received.startsWith("\x15")) assert.equal(client.received, "", "nothing more is said");
    return seen.filter((reply) => / id=/.test(reply)).length;
  } finally {
    client.close();
  }
}

async function begin(client: RawClient, expect: (codes: string) => Promise<string>, withTls: boolean): Promise<void> {
  await client.send("EHLO client.example\r\n");
  await expect("250");
  if (!withTls) return;
  await client.send("STARTTLS\r\n");
  await expect("220");
  await client.secure();
  await client.send("EHLO client.example\r\n");
  await expect("250");
}
