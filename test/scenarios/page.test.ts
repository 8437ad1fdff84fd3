import assert from "node:assert/strict";
import { after, test } from "node:test";
import { runPostbus, submit } from "@postbus/testkit";
import { type Browser, chromium, type Page } from "playwright-core";
import { runningPostbus } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";

/** For one thing to appear. */
const PATIENCE_MS = 120_000;

async function newPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  return page;
}

const launch = (executablePath: string): Promise<Browser> =>
  chromium.launch({
    executablePath,
    timeout: PATIENCE_MS,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  });

test("the page shows the refused messages to who asks for them, and by which statement it was", async (t) => {
  const browserPath = needs(t, "chromium");
  if (browserPath === undefined) return;
  const { postbus } = await runningPostbus({ after }, "-DSMARTHOST=127.0.0.1::9", "-DRELAY_HOSTS=192.0.2.1");
  const server = postbus.addresses.get("smtp") ?? "";
  const args = ["--server", server, "--to", "x@elsewhere.test"];
  assert.notEqual((await runPostbus({ command: "send", args })).code, 0);

  const browser = await launch(browserPath);
  t.after(() => browser.close());
  const page = await newPage(browser);
  await page.goto(`http://${postbus.addresses.get("http")}/`);
  await page.locator("#empty").waitFor();
  await page.locator("#filter select").selectOption("refused");
  await page.locator("#messages tbody tr", { hasText: "x@elsewhere.test" }).click();
  const dialog = page.locator("dialog[open]");
  await dialog.locator("ol.stages li", { hasText: "rcpt x@elsewhere.test" }).waitFor();
  assert.match(
    (await dialog.locator(".decides").textContent()) ?? "",
    /^deny !hosts = \+relay_from_hosts → no; yes {2}.*postbus\.conf:\d+$/,
  );
});

test("the page shows the queue, the last messages as they come, and a message's events", async (t) => {
  const browserPath = needs(t, "chromium");
  if (browserPath === undefined) return;
  // Nothing listens there: mail for other domains waits.
  const { postbus } = await runningPostbus({ after }, "-DSMARTHOST=127.0.0.1::9");
  const send = (prefix: string, recipient: string): Promise<unknown> =>
    submit({ port: postbus.port("smtp"), connections: 1, messages: 1, prefix, recipients: () => [recipient] });

  const browser = await launch(browserPath);
  t.after(() => browser.close());
  const page = await newPage(browser);
  const problems: string[] = [];
  page.on("pageerror", (err) => problems.push(err.message));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  await page.goto(`http://${postbus.addresses.get("http")}/`);

  await send("first", "ann@example.test");
  await page.locator("#messages tbody tr", { hasText: "ann@example.test" }).filter({ hasText: "delivered" }).waitFor();
  // A local part that would be markup, were it not text.
  await send("second", '"<b>bob"@elsewhere.test');
  const row = page.locator("#messages tbody tr", { hasText: '"<b>bob"@elsewhere.test' });
  await row.filter({ hasText: "deferred" }).waitFor();
  await page.locator("[data-count=deferred]", { hasText: "1" }).waitFor();

  await row.click();
  await page.locator("dialog[open]", { hasText: "msg:received" }).waitFor();
  await page.locator("dialog[open]", { hasText: "msg:defer" }).waitFor();

  // All have the same policy; then one has another.
  const policies = page.locator("#fleet li", { hasText: "policy" });
  assert.equal(await policies.count(), 0);
  await page.route("**/v1/fleet", async (route) => {
    const response = await route.fetch();
    const fleet = (await response.json()) as { members: { service: string; policyVersion?: string }[] };
    for (const member of fleet.members) if (member.service === "router") member.policyVersion = "another";
    await route.fulfill({ response, json: fleet });
  });
  await policies.filter({ hasText: "router: policy another" }).waitFor();
  await policies.filter({ hasText: "gateway: policy" }).waitFor();
  assert.deepEqual(problems, []);
});
