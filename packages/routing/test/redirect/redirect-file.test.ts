import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type FileRules, readIncludedFile, readRedirectFile } from "../../src/redirect/redirect-file.ts";

const directory = mkdtempSync(join(tmpdir(), "postbus-redirect-"));
after(() => rmSync(directory, { recursive: true }));
const at = (name: string): string => join(directory, name);
writeFileSync(at("good"), "a@x.example\n", { mode: 0o644 });
writeFileSync(at("loose"), "a@x.example\n");
chmodSync(at("loose"), 0o664);
mkdirSync(at("inside"));
writeFileSync(at("inside/list"), "b@x.example\n");
symlinkSync(at("good"), at("inside/link"));
symlinkSync(directory, at("inside/out"));
execFileSync("mkfifo", [at("fifo")]);

const RULES: FileRules = {
  modeMask: 0o22,
  owners: undefined,
  groups: undefined,
  ignoresNotDirectory: false,
  ignoresNoAccess: false,
};

describe("the file of a redirect router", () => {
  const cases: readonly { name: string; path: string; rules?: Partial<FileRules>; says: string }[] = [
    { name: "is read", path: "good", says: "a@x.example\n" },
    { name: "may be missing", path: "nothing", says: "missing" },
    {
      name: "must not be missing with its directory",
      path: "nowhere/x",
      says: `failed to stat ${at("nowhere")}/. (No such file or directory)`,
    },
    {
      name: "may be missing with its directory if ignore_enotdir is set",
      path: "nowhere/x",
      rules: { ignoresNotDirectory: true },
      says: "missing",
    },
    { name: "cannot be below a file", path: "good/x", says: `failed to open ${at("good/x")}: Not a directory` },
    {
      name: "counts as missing below a file if ignore_enotdir is set",
      path: "good/x",
      rules: { ignoresNotDirectory: true },
      says: "missing",
    },
    {
      name: "must not be writable by its group",
      path: "loose",
      says: `bad mode (0100664) for ${at("loose")}: 020 bit(s) unexpected`,
    },
    { name: "may be, if modemask says so", path: "loose", rules: { modeMask: 0o2 }, says: "a@x.example\n" },
    {
      name: "must have one of the owners",
      path: "good",
      rules: { owners: [987_654] },
      says: `bad owner for ${at("good")}`,
    },
    {
      name: "must have one of the groups",
      path: "good",
      rules: { groups: [987_654] },
      says: `bad group for ${at("good")}`,
    },
    { name: "must be a regular file", path: "inside", says: `${at("inside")} is not a regular file` },
    { name: "must not be a pipe, for which one would wait", path: "fifo", says: `${at("fifo")} is not a regular file` },
  ];
  for (const { name, path, rules, says } of cases) {
    test(name, async () => {
      const file = await readRedirectFile(at(path), { ...RULES, ...rules });
      assert.equal(file.kind === "text" ? file.text : file.kind === "wrong" ? file.reason : file.kind, says);
    });
  }
});

describe("an included file", () => {
  const within = at("inside");
  const cases: readonly { name: string; path: string; within?: string; says: string }[] = [
    { name: "is read", path: "good", says: "a@x.example\n" },
    { name: "is read in its directory", path: "inside/list", within, says: "b@x.example\n" },
    {
      name: "is not elsewhere",
      path: "good",
      within,
      says: `included file ${at("good")} is not in directory ${within}`,
    },
    {
      name: "does not lead out by dots",
      path: "inside/../good",
      within: `${within}`,
      says: `included file ${within}/../good is not in directory ${within}`,
    },
    {
      name: "is no link",
      path: "inside/link",
      within,
      says: `included file ${at("inside/link")} in the ${within} directory involves a symbolic link`,
    },
    {
      name: "is not behind a link",
      path: "inside/out/good",
      within,
      says: `included file ${at("inside/out/good")} in the ${within} directory involves a symbolic link`,
    },
    {
      name: "must be there",
      path: "nothing",
      says: `failed to open included file ${at("nothing")}: No such file or directory`,
    },
  ];
  for (const { name, path, within: inside, says } of cases) {
    test(name, async () => {
      const file = await readIncludedFile(`${directory}/${path}`, inside);
      assert.equal("text" in file ? file.text : file.reason, says);
    });
  }
});
