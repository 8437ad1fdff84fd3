import type { ClientView, EnvelopeView, FactName } from "../policy.ts";
import { domainFor, type Site } from "./site.ts";

/** Which messages are verified; see `VERIFY` in macro-settings.ts. */
export type Verify = "inbound" | "all" | "none";

export function wantedFacts(
  site: Site,
  verify: Verify,
  isScanned: boolean,
): (client: ClientView, envelope: EnvelopeView) => readonly FactName[] {
  const scan: readonly FactName[] = isScanned ? ["scan"] : [];
  const verified: readonly FactName[] = ["spf", "message", ...scan];
  if (verify !== "inbound") {
    const always = verify === "all" ? verified : scan;
    return () => always;
  }
  const hasLocalRecipient = growing((address) => site.isLocalDomain(domainFor(site, address)));
  return (client, { recipients }) =>
    !site.mayRelay(client.address) || hasLocalRecipient(recipients) ? verified : scan;
}

/**
 * Whether an array that grows has an element for which `test` holds. Asked after every recipient, it looks at the
 * new ones only: otherwise a message to 50,000 recipients would cost a billion tests.
 */
function growing(test: (element: string) => boolean): (array: readonly string[]) => boolean {
  const known = new WeakMap<readonly string[], { seen: number; last: string | undefined; found: boolean }>();
  return (array) => {
    let state = known.get(array);
    // The array may have been emptied and filled again, for the next message.
    if (state === undefined || array.length <= 1 || array.length < state.seen || array[state.seen - 1] !== state.last) {
      state = { seen: 0, last: undefined, found: false };
      known.set(array, state);
    }
    while (!state.found && state.seen < array.length) {
      state.last = array[state.seen++];
      state.found = test(state.last ?? "");
    }
    return state.found;
  };
}
