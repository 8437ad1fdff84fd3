import { createHash } from "node:crypto";
import { nextItemId, splitItemId } from "@postbus/contracts";

/** A branch longer than this is replaced by its hash: ids are keys and subjects, and those are bounded. */
const MAX_BRANCH = 48;
/** Above every position of a single recipient (`recipients_max` is far below), so that hashes cannot meet them. */
const HASHES_START = 2 ** 24;

/**
 * Id of the item that carries on with some of an item's recipients.
 *
 * It says *which* recipients, not how many items were made. A handler that died half way is run again, and may then
 * group otherwise (a host that was down is back): an item named by its number alone would be dropped as a repetition
 * of another one with other recipients, and those would be lost. Named by its recipients, what is dropped is
 * a true repetition.
 *
 * @param positions Of the recipients in the item, ascending.
 * @param of How many recipients the item has.
 */
export function partItemId(id: string, positions: readonly number[], of: number): string {
  if (positions.length === of) return nextItemId(id);
  const { messageId, branch, step } = splitItemId(id);
  const short = branch.length <= MAX_BRANCH ? branch : `h${sha256(branch).toString("hex", 0, 12)}`;
  return nextItemId(`${messageId}_${short}_${step}`, partNumber(positions), 2);
}

/** The same for a name that is not an item id: empty for all recipients, else distinct for each set of them. */
export function partSuffix(positions: readonly number[], of: number): string {
  return positions.length === of ? "" : `/${partNumber(positions).toString(36)}`;
}

function partNumber(positions: readonly number[]): number {
  const [first = 0] = positions;
  return positions.length === 1 ? first : HASHES_START + sha256(positions.join(",")).readUIntBE(0, 6);
}

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();
