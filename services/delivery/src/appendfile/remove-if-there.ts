import { unlink } from "node:fs/promises";

/** Removes what an attempt has left. What cannot be removed stays: the error that has brought us here is the one to be told. */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch {
    // In a Maildir, readers remove it after 36 hours (https://cr.yp.to/proto/maildir.html).
  }
}
