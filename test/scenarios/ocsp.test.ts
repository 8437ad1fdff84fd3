import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect } from "node:tls";
import {
  makeCertificate,
  makeOcspResponse,
  type PostbusProcess,
  program,
  runPostbus,
  startNats,
  startPostbus,
} from "@postbus/testkit";

/** A loaded machine may take its time. */
const PATIENCE_MS = 60_000;

/** An authority's responder that says that everything is good, and how often it was asked. */
async function responder(t: TestContext) {
  const authority = makeCertificate("authority", { isAuthority: true });
  const state = { asked: 0 };
  const server = createServer((_request, response) => {
    state.asked += 1;
    response.end(proof);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/`;
  const mx = makeCertificate("mx.test", { issuer: authority, responder: url });
  // As it comes from an authority: with its issuer.
  writeFileSync(mx.certificateFile, mx.certificate + authority.certificate);
  const proof = makeOcspResponse(mx, { issuer: authority });
  return { state, mx, proof, stop: () => server.close() };
}

type Started = Omit<Parameters<typeof startPostbus>[0], "args">;

async function start(
  t: TestContext,
  data: string,
  main: string,
  services: readonly string[] = [],
  more: Started = {},
): Promise<PostbusProcess> {
  const config = join(data, "policy.conf");
  await writeFile(config, main);
  const postbus = await startPostbus({ args: [...services, "--data", data, "--config", config], ...more });
  t.after(() => postbus.kill());
  return postbus;
}

/** A client that asks for a proof, until it has been greeted. */
async function meet(postbus: PostbusProcess, session?: Buffer) {
  const secured = connect({
    socket: connectPlain({ port: postbus.port("smtp"), host: "127.0.0.1" }),
    ...{ servername: "mx.test", rejectUnauthorized: false, requestOCSP: true },
    ...(session === undefined ? {} : { session }),
  });
  let shown: Buffer | null | undefined;
  let ticket: Buffer | undefined;
  secured.on("OCSPResponse", (response: Buffer | null) => {
    shown = response;
  });
  secured.on("session", (octets: Buffer) => {
    ticket = octets;
  });
  await once(secured, "data");
  const isResumed = secured.isSessionReused();
  secured.destroy();
  return { shown, ticket, isResumed };
}

async function eventuallyShown(postbus: PostbusProcess): Promise<Buffer> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; ) {
    // On a busy machine, a gateway turns clients away for a moment.
    const met = await meet(postbus).catch(() => undefined);
    if (met?.shown) return met.shown;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`no proof within ${PATIENCE_MS} ms`);
}

const mainOf = ({ certificateFile, privateKeyFile }: ReturnType<typeof makeCertificate>): string => `
  primary_hostname = mx.test
  daemon_smtp_ports = 0
  local_interfaces = 127.0.0.1
  tls_on_connect_ports = 0
  tls_certificate = ${certificateFile}
  tls_privatekey = ${privateKeyFile}
  tls_ocsp_fetch
  tls_resumption_hosts = *
`;

test("tls_ocsp_fetch: a proof is fetched once, and still there after a restart without a responder", async (t) => {
  const { state, mx, proof, stop } = await responder(t);
  const data = await mkdtemp(join(tmpdir(), "postbus-ocsp-"));
  // What writes there is stopped by a later hook.
  t.after(() => rm(data, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  const main = mainOf(mx);
  const first = await start(t, data, main);
  assert.deepEqual(await eventuallyShown(first), proof);
  assert.equal(await first.stop(), 0);
  stop();
  const second = await start(t, data, main);
  assert.deepEqual(await eventuallyShown(second), proof);
  assert.equal(await second.stop(), 0);
  assert.equal(state.asked, 1);
});

const skip = program("nats-server") === undefined ? "SKIPPED: no nats-server on this machine" : false;

test("two gateways on NATS share what one has fetched, and the keys of session tickets", { skip }, async (t) => {
  const { state, mx, proof } = await responder(t);
  const nats = await startNats();
  t.after(() => nats.stop());
  const env = { NATS_URL: nats.url, NATS_MONITOR_URL: nats.monitorUrl };
  assert.equal((await runPostbus({ command: "provision", args: [], env })).code, 0);
  const gateways: PostbusProcess[] = [];
  for (let i = 0; i < 2; i++) {
    const data = await mkdtemp(join(tmpdir(), "postbus-ocsp-"));
    // What writes there is stopped by a later hook.
    t.after(() => rm(data, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
    const gateway = await start(t, data, mainOf(mx), ["gateway"], { env });
    assert.deepEqual(await eventuallyShown(gateway), proof);
    gateways.push(gateway);
  }
  assert.equal(state.asked, 1);
  const [one, other] = gateways;
  assert.ok(one && other);
  const { ticket, isResumed } = await meet(one);
  assert.equal(isResumed, false);
  assert.ok(ticket);
  assert.equal((await meet(other, ticket)).isResumed, true);
});
