import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LookupOptions } from "../../src/lookup.ts";
import { LookupDefer } from "../../src/lookup-defer.ts";
import type { FileLookupType } from "../../src/lookup-type.ts";
import { newScope } from "../lookup-in-file.ts";

const options: LookupOptions = { text: "" };

/** A file of this content, opened by one lookup type and asked for keys, until the end of the block. */
export async function openedWith(type: FileLookupType, content: Buffer | string) {
  const directory = await mkdtemp(join(tmpdir(), "postbus-lookup-"));
  const path = join(directory, "data");
  await writeFile(path, content);
  const file = await type.open(path, {});
  return {
    path,
    /** The data, as octets. */
    async get(key: string): Promise<string | undefined> {
      return (await file.find(key, { options, scope: newScope() }))?.data;
    },
    async [Symbol.asyncDispose]() {
      await file.close();
      await rm(directory, { recursive: true });
    },
  };
}

/** What comes of opening: `fine`, or the text of the deferral. */
export async function opening(type: FileLookupType, content: Buffer | string): Promise<string> {
  try {
    await using _file = await openedWith(type, content);
    return "fine";
  } catch (err) {
    if (err instanceof LookupDefer) return err.reason.replace(/\/\S*\/data/, "FILE");
    throw err;
  }
}
