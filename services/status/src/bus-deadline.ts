import { BusUnavailableError } from "@postbus/bus";

/** Who asks this service looks at a page that is refreshed every two seconds: a later answer is none. */
const BUS_DEADLINE_MS = 2_000;

/**
 * The bus itself repeats calls for longer, since mail is worth waiting for; an operator who looks whether it answers
 * must be told that it does not.
 *
 * @throws {BusUnavailableError} no answer in time. What was asked for may still be done.
 */
export async function inTime<T>(answer: Promise<T>, deadlineMs = BUS_DEADLINE_MS): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const error = new BusUnavailableError(`no answer in ${deadlineMs} ms`);
  const timer = setTimeout(() => reject(error), deadlineMs);
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
