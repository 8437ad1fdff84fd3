/** One item of a list, compiled. */
export interface ListItem<S> {
  readonly isNegated: boolean;
  matches(subject: S): boolean;
}

/**
 * Items from left to right; the first that matches decides. If none does: yes if the last item was a negative one,
 * else no (Exim specification, "Domain, host, address, and local part lists").
 */
export function matchList<S>(items: readonly ListItem<S>[]): (subject: S) => boolean {
  const otherwise = items.at(-1)?.isNegated ?? false;
  return (subject) => {
    for (const item of items) if (item.matches(subject)) return !item.isNegated;
    return otherwise;
  };
}

/** Splits off the `!` of an item. */
export function negation(item: string): { readonly isNegated: boolean; readonly rest: string } {
  const isNegated = item.startsWith("!");
  return { isNegated, rest: isNegated ? item.slice(1).trimStart() : item };
}

/** Remembers the last answers of a test that is asked the same again and again. */
export function remembered(test: (subject: string) => boolean): (subject: string) => boolean {
  const answers = new Map<string, boolean>();
  return (subject) => {
    const known = answers.get(subject);
    if (known !== undefined) return known;
    const answer = test(subject);
    // Bounds what peers can make us hold; all at once, since keeping an order would cost more than asking again.
    if (answers.size >= MAX_REMEMBERED) answers.clear();
    answers.set(subject, answer);
    return answer;
  };
}

const MAX_REMEMBERED = 4_096;
