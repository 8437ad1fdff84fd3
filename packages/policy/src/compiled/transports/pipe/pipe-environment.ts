import type { Variables } from "../../../expansion/evaluation.ts";
import { textOf } from "../../../expansion/value.ts";
import type { SiteNames } from "../local/site-names.ts";

interface EnvironmentParts {
  readonly variables: Variables;
  /** How many addresses the program is run for: of several, there is no local part. */
  readonly recipients: number;
  readonly path: string;
  readonly home: string | undefined;
  readonly host: string | undefined;
  readonly names: SiteNames;
  /** `environment`: `NAME=value`. They win. */
  readonly settings: readonly string[];
}

/** Everything that a program finds in its environment (Exim's manual, "Environment variables" of pipe); it inherits nothing. */
export function pipeEnvironment(parts: EnvironmentParts): ReadonlyMap<string, string> {
  const { variables, recipients, path, home = "", host, names, settings } = parts;
  const read = (name: string): string => {
    const value = variables.get(name) ?? "";
    return typeof value === "object" || typeof value === "string" ? textOf(value) : String(value);
  };
  const localPart = recipients > 1 ? "" : read("local_part");
  const domain = read("domain");
  const [prefix, suffix] = [read("local_part_prefix"), read("local_part_suffix")];
  const environment = new Map([
    ["LOCAL_PART", localPart],
    ["LOGNAME", localPart],
    ["USER", localPart],
    ["LOCAL_PART_PREFIX", prefix],
    ["LOCAL_PART_SUFFIX", suffix],
    ["DOMAIN", domain],
    ["HOME", home],
    ["MESSAGE_ID", read("message_exim_id")],
    ["PATH", path],
    ["RECIPIENT", `${prefix}${localPart}${suffix}@${domain}`],
    ["QUALIFY_DOMAIN", names.qualifyDomain],
    ["SENDER", read("sender_address")],
    ["SHELL", "/bin/sh"],
    ...(host === undefined ? [] : ([["HOST", host]] as const)),
    ...(names.timeZone === undefined ? [] : ([["TZ", names.timeZone]] as const)),
  ]);
  for (const setting of settings) {
    const at = setting.indexOf("=");
    if (at > 0) environment.set(setting.slice(0, at), setting.slice(at + 1));
  }
  return environment;
}
