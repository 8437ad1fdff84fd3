import { ExpansionDefer, ExpansionFailure } from "../../expansion/failures.ts";
import { parseInterval } from "../../expansion/interval.ts";
import { textOf, type Value } from "../../expansion/value.ts";
import { splitList } from "../../matching/split-list.ts";
import { readTest } from "../test.ts";

interface SeenOptions {
  readonly seconds: number;
  /** `-time`: the record must be so old at least. */
  readonly isBefore: boolean;
  readonly key: string | undefined;
  readonly update: "always" | "refresh" | "never";
  readonly refreshSeconds: number;
}

const DEFAULT_REFRESH = 10 * 86_400;

/** `seen = -5m / key=… / readonly`: whether something has come before, and how long ago. */
export const seen = readTest<SeenOptions>(readOptions, async (options, run) => {
  const { rates } = run.session.hooks;
  if (rates === undefined) throw new ExpansionDefer("seen: no store is set up");
  const { seconds, isBefore, update, refreshSeconds } = options;
  const key = options.key ?? run.session.connection.client.address;
  const keepSeconds = 2 * Math.max(seconds, refreshSeconds);
  const age = await rates.seen({ key, update, refreshSeconds, keepSeconds });
  if (age === undefined) return "no";
  return (isBefore ? age >= seconds : age < seconds) ? "yes" : "no";
});

/** @throws {ExpansionFailure} */
function readOptions(value: Value): SeenOptions {
  const [time = "", ...rest] = splitList(`</${textOf(value)}`).items;
  const isBefore = time.startsWith("-");
  const seconds = parseInterval(isBefore ? time.slice(1) : time);
  if (seconds === undefined) throw new ExpansionFailure(`failed to parse 'seen = ${textOf(value)}'`);
  let mode: "default" | "readonly" | "write" = "default";
  let key: string | undefined;
  let refreshSeconds = DEFAULT_REFRESH;
  for (const option of rest) {
    if (option.startsWith("key=")) key = option.slice("key=".length);
    else if (option === "readonly" || option === "write") mode = option;
    else if (option.startsWith("refresh=")) {
      const refresh = parseInterval(option.slice("refresh=".length));
      if (refresh === undefined) throw new ExpansionFailure(`failed to parse 'seen = ${textOf(value)}'`);
      refreshSeconds = refresh;
    } else if (key !== undefined) {
      // A key may hold slashes.
      key = `${key}/${option}`;
    } else {
      throw new ExpansionFailure(`unrecognised option '${option}' in arg for 'seen'`);
    }
  }
  const writes = mode === "write" || !isBefore;
  return {
    seconds,
    isBefore,
    key,
    update: mode === "readonly" ? "never" : writes ? "always" : "refresh",
    refreshSeconds,
  };
}
