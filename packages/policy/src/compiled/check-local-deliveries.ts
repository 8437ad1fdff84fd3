import { readFileSync } from "node:fs";
import type { Configuration, TransportSettings } from "../reader/configuration.ts";
import type { ProblemList } from "../reader/problem.ts";

/** What a process that delivers can do. */
export interface DeliveryAbilities {
  /** `POSTBUS_DELIVERY_PROGRAMS` is not 0. */
  readonly runsPrograms: boolean;
  /** Effective user of the process; absent: this one's. */
  readonly uid?: number;
}

/**
 * Deliveries that the policy asks for and the process cannot make: mail would come in and never leave. Only what routers can reach
 * counts; others' leftovers harm nobody.
 */
export function checkLocalDeliveries(
  configuration: Configuration,
  { runsPrograms, uid = process.geteuid?.() ?? 0 }: DeliveryAbilities,
  problems: ProblemList,
): void {
  const isReached = reachedTransports(configuration);
  for (const transport of configuration.transports.values()) {
    const { name, place } = transport;
    if (!isReached(name)) continue;
    if (!runsPrograms && runsProgram(transport)) {
      const text = "no programs may be run here: set POSTBUS_DELIVERY_PROGRAMS to how many at one time (20)";
      problems.error(place, `transport ${name}: ${text}`);
    }
    const user = transport.generic.setting("user");
    if (transport.kind === "smtp" || user === undefined || uid === 0) continue;
    const wanted = String(user.value);
    if (wanted.includes("$") || numberOf(wanted) === uid) continue;
    const text = `delivery runs as user ${uid} and cannot become "${wanted}": start it as root, or leave user out`;
    problems.error(user.place, `transport ${name}: user: ${text}`);
  }
}

const runsProgram = ({ kind, options, generic }: TransportSettings): boolean =>
  kind === "pipe" ||
  (kind !== "queuefile" && generic.get("transport_filter") !== undefined) ||
  (kind === "lmtp" && options.get("command") !== undefined);

/** Whether a router can choose a transport; each may be meant by a name that is expanded. */
function reachedTransports({ routers, transports }: Configuration): (name: string) => boolean {
  const names = new Set<string>();
  let isOpen = false;
  for (const router of routers) {
    const { settings, table } = router.options;
    for (const [option, { value }] of settings) {
      const type = (table as Readonly<Record<string, { readonly type: string }>>)[option]?.type;
      if ((type !== "transport" && type !== "transport*") || typeof value !== "string") continue;
      if (option === "pipe_transport" && settings.get("forbid_pipe")?.value === true) continue;
      if (value.includes("$")) isOpen = true;
      names.add(value);
    }
  }
  // Of a transport that is reached, and so on.
  for (const name of names) {
    const shadow = transports.get(name)?.generic.get("shadow_transport");
    if (shadow !== undefined) names.add(shadow);
  }
  return (name) => isOpen || names.has(name);
}

function numberOf(user: string): number | undefined {
  if (/^\d+$/.test(user)) return Number(user);
  const line = readFileSync("/etc/passwd", "latin1")
    .split("\n")
    .find((entry) => entry.startsWith(`${user}:`));
  return line === undefined ? undefined : Number(line.split(":")[2]);
}
