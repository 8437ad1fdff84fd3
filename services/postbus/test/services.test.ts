import assert from "node:assert/strict";
import { test } from "node:test";
import { commonSettings, fleetVariables, variableName } from "@postbus/service-kit";
import { loadServices } from "../src/services.ts";

test("services start in the order in which they lean on each other, whatever the order of the names", async () => {
  const names = async (...words: string[]) => (await loadServices(words)).map(({ name }) => name);
  assert.deepEqual(await names(), ["logger", "verifier", "scanner", "delivery", "router", "status", "gateway"]);
  assert.deepEqual(await names("gateway", "router", "gateway"), ["router", "gateway"]);
});

test("fleetVariables of service-kit names every variable that a service has beside the common ones", async () => {
  const owned = (await loadServices([])).flatMap(({ settings }) =>
    Object.entries(settings.properties)
      .filter(([key]) => !(key in commonSettings))
      .map(([key, property]) => variableName(key, property)),
  );
  assert.deepEqual([...fleetVariables].sort(), [...new Set(owned)].sort());
});
