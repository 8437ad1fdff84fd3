import { compileExpansion } from "../expansion/compile-expansion.ts";
import { createEvaluation } from "../expansion/create-evaluation.ts";
import { textOf } from "../expansion/value.ts";
import type { SharedSurroundings } from "../load/policy-surroundings.ts";
import { splitList } from "../matching/split-list.ts";
import { selected } from "../options/log-selectors.ts";
import type { LogPolicy } from "../policy.ts";
import type { Configuration } from "../reader/configuration.ts";
import type { ProblemList } from "../reader/problem.ts";

/** Drivers of transports that carry messages to other hosts; the others are local (Exim's manual, "Generic options for transports"). */
const REMOTE: ReadonlySet<string> = new Set(["smtp"]);

/** Of a delivery, what is measured or carried along only for these. */
const OF_DELIVERIES = [
  ...["deliver_time", "delivery_size", "queue_time", "queue_time_overall", "tls_peerdn", "pipelining"],
  ...["incoming_interface", "dkim_verbose", "dnssec", "protocol_detail", "proxy"],
];

/** What the file says about logs. */
export function logPolicy(
  { main, routers, transports }: Pick<Configuration, "main" | "routers" | "transports">,
  shared: SharedSurroundings,
  problems: ProblemList,
): LogPolicy {
  const asLocal = new Set(
    routers.filter(({ generic, kind }) => generic.get("log_as_local") ?? kind === "accept").map(({ name }) => name),
  );
  const isSilent = (generic: { get(name: "disable_logging"): boolean }) => generic.get("disable_logging");
  const silent = {
    routers: new Set(routers.filter(({ generic }) => isSilent(generic)).map(({ name }) => name)),
    transports: new Set([...transports.values()].filter(({ generic }) => isSilent(generic)).map(({ name }) => name)),
  };
  const selectors = selected(main.get("log_selector") ?? "");
  return {
    selectors,
    ofDeliveries: OF_DELIVERIES.some((name) => selectors.has(name)) ? selectors : undefined,
    timeZone: main.get("timezone"),
    showsZone: main.get("log_timezone"),
    writesRejectlog: main.get("write_rejectlog"),
    filePath: filePath(main, shared, problems),
    isSilent: (router, transport) =>
      (router !== undefined && silent.routers.has(router)) ||
      (transport !== undefined && silent.transports.has(transport)),
    isAsLocal: (router, transport) => {
      if (router === undefined || !asLocal.has(router)) return false;
      const kind = transport === undefined ? undefined : transports.get(transport)?.kind;
      return kind !== undefined && !REMOTE.has(kind);
    },
  };
}

/** `log_file_path`: one place, with `%s` in its name. Syslog has no reader here. */
function filePath(
  main: Configuration["main"],
  shared: SharedSurroundings,
  problems: ProblemList,
): LogPolicy["filePath"] {
  const setting = main.setting("log_file_path");
  const source = main.get("log_file_path");
  if (setting === undefined || source === undefined) return undefined;
  const wrong = (text: string) => problems.error(setting.place, `log_file_path: ${text}`);
  const check = (text: string): string | undefined => {
    const items = [...splitList(text).items].filter((item) => item !== "");
    if (items.includes("syslog")) {
      return "syslog is not available: name a file, and let the system's log read that";
    }
    const [path, ...more] = items;
    if (more.length > 0) return "one path is expected";
    if (path === undefined) return undefined;
    return path.startsWith("/") && path.includes("%s")
      ? undefined
      : `an absolute path with "%s" is expected, not "${path}"`;
  };
  const expansion = compileExpansion(source);
  if (expansion.constant !== undefined) {
    const problem = check(expansion.constant);
    if (problem !== undefined) wrong(problem);
  }
  return async () => {
    const text = textOf(await expansion.run(createEvaluation({ ...shared, variables: { get: () => undefined } })));
    const problem = check(text);
    if (problem !== undefined) throw new Error(`log_file_path: ${problem}`);
    return [...splitList(text).items].find((item) => item !== "");
  };
}
