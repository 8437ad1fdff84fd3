import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { policyOf } from "../policy-of.ts";
import { policySession } from "./policy-session.ts";

/** Seconds that a client waits for each of its commands. */
async function delaysOf(config: string, commands: string, address = "192.0.2.1"): Promise<number[]> {
  const waited: number[] = [];
  let now = 0;
  const { acls } = policySession(`acl_smtp_rcpt = accept\n${config}`, {
    address,
    hooks: {
      delay(seconds) {
        now += seconds;
      },
    },
  });
  for (const command of commands) {
    now = 0;
    if (command === "M") {
      acls.reset();
      await acls.mail({ returnPath: "a@b.test" });
    } else await acls.recipient("c@d.test");
    waited.push(Number(now.toFixed(6)));
  }
  return waited;
}

/** Exim's manual, under smtp_ratelimit_hosts and smtp_ratelimit_mail. */
describe("clients that send many commands", () => {
  const hosts = "smtp_ratelimit_hosts = 192.0.2.0/24\n";
  const rows: readonly [config: string, commands: string, want: number[]][] = [
    ["", "MMMRRR", [0, 0, 0, 0, 0, 0]],
    [hosts, "MMM", [0, 0, 0]],
    [`${hosts}smtp_ratelimit_mail = 2,0.5s,2,3s`, "MMMMMMM", [0, 0, 0.5, 1, 2, 3, 3]],
    [`${hosts}smtp_ratelimit_rcpt = 1,0.25s,1.5,4m`, "MRRRMRR", [0, 0, 0.25, 0.375, 0, 0, 0.25]],
    [`${hosts}smtp_ratelimit_mail = 0 , 1m , 1.05 , 4m`, "MM", [60, 63]],
    ["smtp_ratelimit_mail = 0,1s,1,1s", "MM", [0, 0]],
    ["smtp_ratelimit_hosts = 198.51.100.1\nsmtp_ratelimit_mail = 0,1s,1,1s", "MM", [0, 0]],
    ["smtp_ratelimit_hosts = *\nsmtp_ratelimit_mail = 0,1s,1,1s", "MM", [1, 1]],
  ];
  for (const [config, commands, want] of rows) {
    test(`${config.replace("\n", ", ")}: ${commands}`, async () =>
      assert.deepEqual(await delaysOf(config, commands), want));
  }

  for (const value of ["", "2", "2,1s,1", "2,1s,x,4m", "a,1s,1,4m", "2,1q,1,4m", "2,1s,1,4m,5"]) {
    test(`"${value}" is no schedule`, () =>
      assert.throws(
        () => policyOf(`smtp_ratelimit_mail = ${value}\n`),
        /p\.conf:1: smtp_ratelimit_mail: a threshold, a delay, a factor and a limit are expected/,
      ));
  }
});
