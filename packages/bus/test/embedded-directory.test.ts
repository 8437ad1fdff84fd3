import assert from "node:assert/strict";
import { type ChildProcess, execFile, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { ConfigError, DeferError } from "@postbus/mail";
import { lockDirectory } from "../src/directory-lock.ts";
import { openEmbeddedBus } from "../src/index.ts";

const run = promisify(execFile);
const child = join(import.meta.dirname, "disk-child.ts");
const NOBODY = 65_534;

async function emptyDirectory(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "postbus-directory-"));
  // What writes there is stopped by a later hook.
  t.after(() => rm(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  return root;
}

const isConfigError = (text: RegExp) => oneLine(ConfigError, text);
/** Another try may succeed. */
const isDeferError = (text: RegExp) => oneLine(DeferError, text);
const oneLine = (kind: typeof ConfigError | typeof DeferError, text: RegExp) => (err: unknown) => {
  assert.ok(err instanceof kind, String(err));
  assert.match(err.message, text);
  assert.ok(!err.message.includes("\n"), "more than one line");
  return true;
};

test("a second bus on the directory is refused, with the process that has it", async (t) => {
  const directory = join(await emptyDirectory(t), "bus");
  const bus = await openEmbeddedBus({ directory });
  await assert.rejects(openEmbeddedBus({ directory }), isDeferError(new RegExp(`in use by process ${process.pid}$`)));
  await bus.close();
  await (await openEmbeddedBus({ directory })).close();
});

test("a second process is refused; when the first is killed, the directory is free", async (t) => {
  const root = await emptyDirectory(t);
  const directory = join(root, "bus");
  const holder: ChildProcess = fork(join(import.meta.dirname, "crash-child.ts"), [directory, join(root, "log"), "1"]);
  t.after(() => holder.kill("SIGKILL"));
  await once(holder, "message");
  await assert.rejects(openEmbeddedBus({ directory }), isDeferError(new RegExp(`in use by process ${holder.pid}$`)));
  holder.kill("SIGKILL");
  await once(holder, "exit");
  await (await openEmbeddedBus({ directory })).close();
});

test("the lock is taken without a file beside it, for which a full disk has no room", async (t) => {
  const directory = await emptyDirectory(t);
  const lock = await lockDirectory(directory);
  assert.deepEqual((await readdir(directory)).sort(), ["lock", "lock.pid"]);
  await assert.rejects(lockDirectory(directory), isDeferError(/in use by process/));
  lock.release();
});

test("what is not a directory, and what is below a file", async (t) => {
  const root = await emptyDirectory(t);
  const file = join(root, "file");
  await writeFile(file, "");
  await assert.rejects(openEmbeddedBus({ directory: file }), isConfigError(/file is not a directory$/));
  await assert.rejects(openEmbeddedBus({ directory: join(file, "bus") }), isConfigError(/is not a directory$/));
});

test("what cannot be made though all above it is there", {
  skip: !existsSync("/proc/self") && "there is no /proc",
}, async () => {
  await assert.rejects(
    openEmbeddedBus({ directory: "/proc/bus-of-postbus" }),
    isConfigError(/cannot be used: .*ENOENT/),
  );
});

test("a database that is not ours is left alone", async (t) => {
  const directory = await emptyDirectory(t);
  await writeFile(join(directory, "data.mdb"), Buffer.alloc(8_192, "SQLite format 3\0"));
  await assert.rejects(openEmbeddedBus({ directory }), isConfigError(/data\.mdb is not a file of Postbus$/));
});

test("a directory that belongs to somebody else", {
  skip: process.getuid?.() !== 0 && "only root can be two users",
}, async (t) => {
  const root = await emptyDirectory(t);
  await chmod(root, 0o755);
  await mkdir(join(root, "bus"), { mode: 0o700 });
  const { stdout } = await run(process.execPath, [child, "open", root], { uid: NOBODY, gid: NOBODY });
  assert.match(
    stdout,
    /^ConfigError: bus: .*\/bus may not be read and written by user 65534: it belongs to somebody else\n$/,
  );
  const other = join(root, "other");
  await mkdir(other, { mode: 0o755 });
  const cannot = await run(process.execPath, [child, "open", other], { uid: NOBODY, gid: NOBODY });
  assert.match(
    cannot.stdout,
    /^ConfigError: bus: .*\/other\/bus cannot be made: user 65534 may not write to .*\/other\n$/,
  );
});

/** @returns The child's output, from a mount of its own over the directory. */
async function onOwnDisk(root: string, mountOptions: string, ...args: readonly string[]): Promise<string | undefined> {
  const script = `mount -t tmpfs -o ${mountOptions} tmpfs "$0" || exit 77; exec "$@"`;
  try {
    const { stdout } = await run("unshare", ["-rm", "sh", "-c", script, root, process.execPath, child, ...args]);
    return stdout;
  } catch (err) {
    if (err instanceof Error && "code" in err && (err.code === 77 || err.code === 1 || err.code === "ENOENT")) {
      return undefined;
    }
    throw err;
  }
}
const noMounts = "file systems cannot be mounted here";

test("a read-only disk is one clear line", async (t) => {
  const root = await emptyDirectory(t);
  const output = await onOwnDisk(root, "ro", "open", root);
  if (output === undefined) return t.skip(noMounts);
  assert.match(output, /^ConfigError: bus: .*\/bus is on a read-only file system\n$/);
});

test("a disk that is full when the bus is opened is one clear line", async (t) => {
  const root = await emptyDirectory(t);
  const output = await onOwnDisk(root, "size=16k", "open", root);
  if (output === undefined) return t.skip(noMounts);
  assert.match(output, /^BusFullError: bus: .*\/bus is full[^\n]*\n$/);
});

for (const [name, reserve] of [
  ["with the reserve", 3_000_000],
  ["to the last octet", 0],
] as const) {
  test(`a disk that fills up ${name}: mail is refused, what was accepted is brought to its end`, async (t) => {
    const root = await emptyDirectory(t);
    const output = await onOwnDisk(root, "size=96m", "fill", root, String(reserve));
    if (output === undefined) return t.skip(noMounts);
    assert.equal(output, "ok\n");
  });
}

test("a disk that others have filled to the last octet: what was accepted is brought to its end, by the next process, too", async (t) => {
  const root = await emptyDirectory(t);
  const output = await onOwnDisk(root, "size=96m", "drain", root);
  if (output === undefined) return t.skip(noMounts);
  assert.equal(output, "ok\n");
});
