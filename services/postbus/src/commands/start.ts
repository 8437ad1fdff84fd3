import { parseArgs } from "node:util";
import { ConfigError } from "@postbus/mail";
import { type Part, runServices, type Service, settingsOf, stopSignal } from "@postbus/service-kit";
import { policyEnvironment, policyOptions } from "../policy-options.ts";
import { loadServices } from "../services.ts";

/** `postbus start`: comes back only by the end of the process. */
export async function start(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { ...policyOptions, data: { type: "string" } },
    allowPositionals: true,
  });
  const env = { ...process.env, ...policyEnvironment(values) };
  if (values.data !== undefined) env["POSTBUS_DATA"] = values.data;
  // Before the services are loaded: from here on a signal is a wish to stop in good order.
  const stopping = stopSignal();
  const services = await loadServices(positionals);
  if (positionals.length > 0 && !env["NATS_URL"]) {
    throw new ConfigError(
      `NATS_URL: is not set; ${namesText(positionals)} the fleet's bus (without names, all services run on an embedded one)`,
    );
  }
  await checkAtOnce(services, env);
  return runServices(services, { env, logTo: 2, stopping, onReady });
}

/** Services that read the policy file. */
const READERS: ReadonlySet<string> = new Set(["gateway", "router", "delivery"]);

/**
 * Where settings are wrong, the policy file is read all the same: an operator hears everything in one go.
 *
 * @throws {ConfigError}
 */
async function checkAtOnce(services: readonly Service[], env: NodeJS.ProcessEnv): Promise<void> {
  const settings = problemsOf(() => settingsOf(services, env));
  if (settings === undefined) return;
  const policy = services.some(({ name }) => READERS.has(name)) ? await policyProblems(env) : undefined;
  throw new ConfigError([settings, policy].filter((text) => text !== undefined).join("\n"));
}

function problemsOf(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (err) {
    if (err instanceof ConfigError) return err.message;
    throw err;
  }
}

async function policyProblems(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { loadPolicy } = await import("@postbus/policy");
  const { POSTBUS_CONFIG: file, POSTBUS_MACROS: macros } = env;
  try {
    await loadPolicy({ file: file || undefined, macros });
    return undefined;
  } catch (err) {
    if (err instanceof ConfigError) return err.message;
    throw err;
  }
}

const namesText = (names: readonly string[]): string =>
  names.length === 1 ? `"${names[0]}" on its own needs` : `"${names.join(" ")}" on their own need`;

/** The page opens before SMTP does, and is shown behind it. */
const bySmtp = (one: Part, other: Part): number => Number(other.name === "smtp") - Number(one.name === "smtp");

/** Exactly one line, which scripts wait for. */
function onReady(parts: readonly Part[]): void {
  process.stdout.write(`${["postbus ready", ...addressesOf(parts.toSorted(bySmtp))].join(" ")}\n`);
}

/** `smtp=127.0.0.1:2525,[::1]:2525`, one word for each kind of listener. */
export function addressesOf(parts: readonly Part[]): readonly string[] {
  const byName = Map.groupBy(
    parts.filter((part) => part.addresses !== undefined),
    (part) => part.name,
  );
  return [...byName].map(
    ([name, listeners]) => `${name}=${listeners.flatMap((part) => part.addresses ?? []).join(",")}`,
  );
}
