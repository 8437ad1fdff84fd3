import assert from "node:assert/strict";
import { test } from "node:test";
import { startNats } from "@postbus/testkit";
import { BusUnavailableError } from "../../src/index.ts";
import { Claims } from "../../src/nats/claims.ts";
import { openConnection } from "../../src/nats/connection.ts";
import { leaseTimes } from "../../src/nats/lease.ts";
import { Link } from "../../src/nats/link.ts";
import { ServerApi } from "../../src/nats/server-api.ts";
import { claimsStream, names } from "../../src/nats/topology.ts";
import { skip, startFleet } from "./fleet.ts";

const PATIENCE_MS = 1_000;

test("a claim does not wait for ever for a stream that went with its server", { skip }, async (t) => {
  const server = await startNats();
  t.after(() => server.stop());
  const link = new Link(await openConnection({ servers: [server.url] }), () => undefined);
  t.after(() => link.close());
  const n = names(undefined);
  const api = await ServerApi.open(link);
  const claims = new Claims(link, api, n, "holder", leaseTimes(30_000), claimsStream(n, 1), PATIENCE_MS);
  await assert.rejects(claims.claim("MAIL_ROUTE", 1), BusUnavailableError);
});

test("the stream is made again by whoever finds it gone", { skip }, async (t) => {
  const { server, connect } = await startFleet(t);
  await connect();
  const link = new Link(await openConnection({ servers: [server.url] }), () => undefined);
  t.after(() => link.close());
  const n = names(undefined);
  const api = await ServerApi.open(link);
  const claims = new Claims(link, api, n, "holder", leaseTimes(30_000), claimsStream(n, 1), PATIENCE_MS);
  await api.call("remove the claims", ({ streams }) => streams.delete(n.claims));
  await claims.verify();
  assert.equal(await claims.claim("MAIL_ROUTE", 1), true);
});
