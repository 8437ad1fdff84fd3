import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { aclConditions } from "../../src/options/acl/conditions.ts";
import { aclControls } from "../../src/options/acl/controls.ts";
import { aclModifiers } from "../../src/options/acl/modifiers.ts";
import { aclVerbs } from "../../src/options/acl/verbs.ts";
import { aclVerifications } from "../../src/options/acl/verifications.ts";
import { contentOf, policySession } from "./policy-session.ts";

const words = fc.constantFrom(
  "a",
  "b@c",
  ":",
  "/",
  "=",
  "!",
  "*",
  "^x",
  "$local_part",
  "$sender_address",
  "${lc:$domain}",
  "${if eq{a}{a}{yes}fail}",
  "1",
  "0",
  "1h",
  "5s",
  "-1m",
  "127.0.0.1",
  "&",
  ",",
  "<",
  ";",
  "+x",
  "\\n",
  "per_cmd",
  "strict",
  "unique=",
  "key=",
  "x.example",
  "defer_ok",
  "callout=",
);
const value = fc.array(words, { maxLength: 6 }).map((parts) => parts.join(" "));
const tight = fc.array(words, { maxLength: 6 }).map((parts) => parts.join(""));
const names = [...Object.keys(aclConditions), ...Object.keys(aclModifiers)].filter(
  (name) => name !== "set" && name !== "endpass" && name !== "control" && name !== "verify",
);
const item = fc.oneof(
  fc.tuple(fc.constantFrom(...names), fc.oneof(value, tight)).map(([name, text]) => `${name} = ${text}`),
  fc.tuple(fc.constantFrom(...Object.keys(aclControls)), tight).map(([name, text]) => `control = ${name}/${text}`),
  fc.tuple(fc.constantFrom(...Object.keys(aclVerifications)), tight).map(([name, text]) => `verify = ${name}/${text}`),
  value.map((text) => `set acl_m_x = ${text}`),
);
const statement = fc
  .tuple(fc.constantFrom(...aclVerbs), fc.array(item, { maxLength: 4 }))
  .map(([verb, items]) => `  ${verb} ${items.join("\n    ")}`);
const address = fc.string({
  unit: fc.constantFrom("a", "@", '"', "\\", ".", "\xe4", " ", "$", "{", ":", "/", "\n"),
  maxLength: 20,
});

test("whatever the policy says and a peer sends, each stage is answered and nothing is thrown", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(statement, { maxLength: 4 }), address, address, async (statements, sender, recipient) => {
      const text = statements.join("\n");
      let made: ReturnType<typeof policySession>;
      try {
        made = policySession(
          `${["helo", "mail", "rcpt", "data", "vrfy"].map((s) => `acl_smtp_${s} = c\n`).join("")}begin acl\nc:\n${text}\n`,
        );
      } catch (error) {
        // The reader has refused it.
        if (error instanceof Error && error.message.startsWith("[{")) return;
        throw error;
      }
      const { acls, session } = made;
      const answers = [
        await acls.connect(),
        await acls.helo(sender, true),
        await acls.mail({ returnPath: sender, size: 1 }),
      ];
      answers.push(await acls.recipient(recipient));
      session.message.recipients.push(recipient);
      acls.content(contentOf(`From: ${sender.replaceAll("\n", "")}\n`, recipient));
      answers.push(await acls.data(), await acls.vrfy(recipient), await acls.other("quit"));
      for (const { verdict, reply } of answers) {
        assert.ok(verdict === "accept" || verdict === "discard" || reply !== undefined);
        if (reply !== undefined) assert.ok(reply.code >= 200 && reply.code < 600 && reply.lines.length > 0);
      }
    }),
    { numRuns: 300 },
  );
});
