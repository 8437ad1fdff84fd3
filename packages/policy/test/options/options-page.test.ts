import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { optionsPage } from "../../src/options/options-page.ts";

test("docs/options.md is what `postbus options` prints", () => {
  const page = readFileSync(new URL("../../../../docs/options.md", import.meta.url), "utf8");
  assert.equal(optionsPage(), page, "write it again: postbus options > docs/options.md");
});

test("a row has type, default, reader and what differs", () => {
  const page = optionsPage();
  for (const row of [
    "| `auto_thaw` | time | 0s | delivery |",
    "| `bounce_return_size_limit` | integer | 100K | delivery |",
    "| `delay_warning` | time list | 1d | delivery |",
    "| `directory_mode` | octal | 0700 | delivery |",
    "| `exim_user` | string |  | no meaning here; compile-time configured |",
    "| `proxy_required_hosts` | host list* |  | the same as `hosts_proxy`; as in the first descriptions of the proxy protocol |",
  ]) {
    assert.ok(page.includes(row), row);
  }
});
