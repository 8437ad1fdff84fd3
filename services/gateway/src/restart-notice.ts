import type { SmtpPolicy } from "@postbus/policy";

type Listening = Pick<SmtpPolicy, "interfaces" | "ports">;

/** What a policy that is read again changes in vain, until the process is started again; undefined: nothing. */
export function restartNotice(open: Listening, wanted: Listening): string | undefined {
  const changed = [
    ...(isSame(open.interfaces, wanted.interfaces) ? [] : ["local_interfaces"]),
    ...(isSame(open.ports, wanted.ports) ? [] : ["daemon_smtp_ports"]),
  ];
  return changed.length === 0
    ? undefined
    : `${changed.join(", ")}: a change needs a restart, listeners stay as they are`;
}

const isSame = (some: readonly unknown[], others: readonly unknown[]): boolean => String(some) === String(others);
