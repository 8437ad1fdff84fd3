import { access } from "node:fs/promises";
import { loadavg } from "node:os";
import { splitList } from "../matching/split-list.ts";
import type { Policy } from "../policy.ts";
import type { Configuration } from "../reader/configuration.ts";

/** `queue_only`, `queue_only_file`, `queue_only_load`: whether new mail is only kept for now. Undefined: it never is. */
export function queueOnly({ main }: Configuration): Policy["waitsAtFirst"] {
  if (main.get("queue_only")) return () => "";
  const files = [...splitList(main.get("queue_only_file") ?? "").items].filter((file) => file !== "");
  const limit = main.setting("queue_only_load") === undefined ? undefined : main.get("queue_only_load");
  if (files.length === 0 && limit === undefined) return undefined;
  return async () => {
    const load = loadavg()[0] ?? 0;
    if (limit !== undefined && load > limit) return `load average ${load.toFixed(2)}`;
    for (const file of files) if (await isThere(file)) return "";
    return undefined;
  };
}

/** As in Exim, a file that cannot be looked at is not there. */
const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
