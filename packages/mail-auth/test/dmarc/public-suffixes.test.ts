import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { PublicSuffixes } from "../../src/dmarc/public-suffixes.ts";
import { SuffixFiles } from "../../src/dmarc/suffix-files.ts";

const LIST = `// ===BEGIN ICANN DOMAINS===
com
uk
co.uk   // a note
*.ck
!www.ck
jp
*.kobe.jp
!city.kobe.jp
公司.cn
cn

..broken
`;

/** After the test cases of publicsuffix.org. */
const ORGANIZATIONS: Readonly<Record<string, string>> = {
  "example.com": "example.com",
  "a.b.example.com": "example.com",
  com: "com",
  "co.uk": "co.uk",
  "b.example.co.uk": "example.co.uk",
  "test.ck": "test.ck",
  "b.test.ck": "b.test.ck",
  "a.b.test.ck": "b.test.ck",
  "www.ck": "www.ck",
  "www.www.ck": "www.ck",
  "c.kobe.jp": "c.kobe.jp",
  "a.b.c.kobe.jp": "b.c.kobe.jp",
  "www.city.kobe.jp": "city.kobe.jp",
  "x.shishi.xn--55qx5d.cn": "shishi.xn--55qx5d.cn",
  "a.b.unlisted": "b.unlisted",
  unlisted: "unlisted",
};

describe("the list of public suffixes", () => {
  const suffixes = new PublicSuffixes(LIST);
  for (const [domain, organization] of Object.entries(ORGANIZATIONS)) {
    test(`${domain} belongs to ${organization}`, () => assert.equal(suffixes.organizationOf(domain), organization));
  }

  test("is read again when its file has changed, and kept when it has gone", async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "suffixes-"));
    t.after(() => rm(directory, { recursive: true }));
    const path = join(directory, "list");
    let now = 0;
    const files = new SuffixFiles(() => now);
    await assert.rejects(files.of(path), /dmarc_tld_file: .*ENOENT/);
    await writeFile(path, "// empty\n");
    await assert.rejects(files.of(path), /no rules/);
    await writeFile(path, LIST);
    assert.equal((await files.of(path)).organizationOf("a.b.co.uk"), "b.co.uk");
    await writeFile(`${path}.new`, "uk\n");
    await rename(`${path}.new`, path);
    assert.equal((await files.of(path)).organizationOf("a.b.co.uk"), "b.co.uk", "it was looked at just now");
    now += 1_000;
    assert.equal((await files.of(path)).organizationOf("a.b.co.uk"), "co.uk");
    await rm(path);
    now += 1_000;
    assert.equal((await files.of(path)).organizationOf("a.b.co.uk"), "co.uk");
  });
});
