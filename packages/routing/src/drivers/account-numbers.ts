import { findAccount, findGroup } from "../accounts.ts";
import type { Attempt } from "../attempt.ts";

/** Numbers of users or groups; a name that nobody has stands for none. */
export async function accountNumbers(
  names: readonly string[],
  noun: "user" | "group",
  { evaluation }: Attempt,
): Promise<number[]> {
  const numbers: number[] = [];
  for (const name of names) {
    if (/^\d+$/.test(name)) numbers.push(Number(name));
    else {
      const number = noun === "group" ? await findGroup(name) : (await findAccount(name, evaluation))?.uid;
      if (number !== undefined) numbers.push(number);
    }
  }
  return numbers;
}
