/**
 * Names of work items: `<message id>_<branch>_<step>`.
 *
 * A message starts as one item, branch `0`, step 0. Every handling takes a branch one step on; where it makes more
 * than one item of a message, each gets a branch of its own. So the ids of what comes out of an item follow from the
 * item's id alone: handled again after a crash, they are the same, and show that something is a repetition. On NATS the
 * server sees it only of an item that has a message to itself; of one in a bundle, the consumer looks before it publishes.
 */
export function firstItemId(messageId: string): string {
  return `${messageId}_0_0`;
}

/** Id of the `index`th (from 0) of `total` items that `id` turns into. */
export function nextItemId(id: string, index = 0, total = 1): string {
  const { messageId, branch, step } = splitItemId(id);
  return `${messageId}_${total === 1 ? branch : `${branch}x${index.toString(36)}`}_${step + 1}`;
}

export function splitItemId(id: string): {
  readonly messageId: string;
  readonly branch: string;
  readonly step: number;
} {
  const [messageId = "", branch = "0", step = "0"] = id.split("_");
  return { messageId, branch, step: Number(step) };
}
