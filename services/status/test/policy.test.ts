import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { type FleetMember, fleetBucket, reloadSubject } from "@postbus/contracts";
import { type Part, type ServiceName, startReloadListener } from "@postbus/service-kit";
import { reloadPolicies } from "../src/reload-policies.ts";
import { type Fixture, startFixture } from "./fixture.ts";

let fixture: Fixture;
before(async () => {
  fixture = await startFixture();
});
after(() => fixture.stop());

/** What runs; stopped before the next test. */
const parts: Part[] = [];
beforeEach(async () => {
  for (const part of parts.splice(0)) await part.stop();
  const members = fixture.bus.keyValue(fleetBucket);
  for (const { key } of await members.list()) await members.delete(key);
});

/** A service in the fleet's overview that says to a reload what it is given. */
async function member(service: ServiceName, instance: string, problems: readonly string[] | "nothing"): Promise<void> {
  await announce({ service, instance, policyVersion: "old" });
  if (problems === "nothing") return;
  const version = problems.length === 0 ? "new" : "old";
  const policy = { reload: async () => ({ before: "old", version, problems }) };
  parts.push(await startReloadListener({ bus: fixture.bus, service, instance, policy }));
}

function announce(member: Pick<FleetMember, "service" | "instance"> & Partial<FleetMember>): Promise<number> {
  const now = Date.now();
  const value: FleetMember = { v: 1, version: "0", startedAtMs: now, seenAtMs: now, state: "ready", ...member };
  return fixture.bus.keyValue(fleetBucket).put(`${member.service}/${member.instance}`, value);
}

const post = () =>
  fixture.app.inject({ method: "POST", url: "/v1/policy/reload", headers: { host: "localhost:8080" } });

describe("POST /v1/policy/reload", () => {
  test("is done when every service that has a policy has taken the new one", async () => {
    await member("router", "b-1", []);
    await member("gateway", "a-1", []);
    await announce({ service: "logger", instance: "a-1" });
    const response = await post();
    assert.deepEqual(
      [response.statusCode, response.json()],
      [
        200,
        {
          done: true,
          services: [
            { service: "gateway", instance: "a-1", before: "old", policyVersion: "new", problems: [] },
            { service: "router", instance: "b-1", before: "old", policyVersion: "new", problems: [] },
          ],
          silent: [],
        },
      ],
    );
  });

  test("says who keeps the old one, and why", async () => {
    await member("gateway", "a-1", []);
    await member("router", "a-1", ["/x.conf:1: unknown option"]);
    const { done, services } = (await post()).json();
    assert.equal(done, false);
    assert.partialDeepStrictEqual(services, [
      { service: "gateway", policyVersion: "new", problems: [] },
      { service: "router", policyVersion: "old", problems: ["/x.conf:1: unknown option"] },
    ]);
  });

  test("where no service has a policy, nothing is done", async () => {
    assert.deepEqual((await post()).json(), { done: false, services: [], silent: [] });
  });
});

describe("a fleet that is told to reload", () => {
  test("is not waited for longer than the deadline: who said nothing is named", async () => {
    await member("gateway", "a-1", []);
    await member("router", "gone-1", "nothing");
    const { reports, silent } = await reloadPolicies(fixture.bus, 50);
    assert.deepEqual(
      reports.map(({ service }) => service),
      ["gateway"],
    );
    assert.deepEqual(silent, [{ service: "router", instance: "gone-1" }]);
  });

  test("does not wait for who has not been heard of for long, but names it", async () => {
    await member("gateway", "a-1", []);
    await announce({ service: "router", instance: "gone-1", policyVersion: "old", seenAtMs: Date.now() - 15_000 });
    const { reports, silent } = await reloadPolicies(fixture.bus, 1_000_000);
    assert.equal(reports.length, 1);
    assert.deepEqual(silent, [{ service: "router", instance: "gone-1" }]);
  });

  test("each asker gets the answers to its own request, also where somebody else asks without an id", async () => {
    await member("gateway", "a-1", []);
    fixture.bus.broadcast(reloadSubject, {});
    const both = await Promise.all([reloadPolicies(fixture.bus), reloadPolicies(fixture.bus)]);
    assert.deepEqual(
      both.map(({ reports }) => reports.length),
      [1, 1],
    );
    assert.notEqual(both[0]?.reports[0]?.requestId, both[1]?.reports[0]?.requestId);
  });
});
