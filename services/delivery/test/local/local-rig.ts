import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Content, DeliveryItem } from "@postbus/contracts";
import { loadPolicy, messageContent, type Policy, type Transport } from "@postbus/policy";
import { recipientVariables } from "../../src/message/recipient-variables.ts";
import { deliveryItem } from "../smtp/rig.ts";

/** Not root, and nobody's account: what programs run as in tests, where root can choose. */
export const NOBODY = 65_533;

/** Lines for a transport that runs as somebody who is not root, if we are root. */
export const AS_NOBODY = process.geteuid?.() === 0 ? `  user = ${NOBODY}\n  group = ${NOBODY}\n` : "";

/** A policy with some transports, in a directory of its own. */
export class LocalRig implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "postbus-local-"));
  readonly #policy: Policy;

  static async start(transports: string, main = ""): Promise<LocalRig> {
    const rig = mkdtempSync(join(tmpdir(), "postbus-policy-"));
    try {
      const file = join(rig, "policy.conf");
      const head = `primary_hostname = mx.a2.test\nqualify_domain = q.test\n${main}`;
      writeFileSync(file, `${head}\nbegin transports\n${transports}\n`, "latin1");
      return new LocalRig(await loadPolicy({ file, delivery: { runsPrograms: true } }));
    } finally {
      rmSync(rig, { recursive: true });
    }
  }

  private constructor(policy: Policy) {
    this.#policy = policy;
  }

  get policy(): Policy {
    return this.#policy;
  }

  /** As delivery's handler makes it for an item. */
  async transport<D extends Transport["driver"]>(
    driver: D,
    item: DeliveryItem,
    content?: Content,
  ): Promise<Extract<Transport, { driver: D }>> {
    const compiled = this.#policy.transport(item.transport);
    const seen = content === undefined ? undefined : await messageContent(content, compiled.variables, noSpool, 500);
    const variables = recipientVariables(item, driver, seen, Date.now);
    const transport = await compiled.at(variables, item.recipients[0]?.address ?? "");
    if (transport.driver !== driver) throw new Error(`${item.transport} is no ${driver}`);
    return transport as Extract<Transport, { driver: D }>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#policy.stop();
    rmSync(this.directory, { recursive: true });
  }
}

/** An item for a transport of that rig. */
export const localItem = (
  transport: string,
  recipients: readonly string[],
  changes: Partial<DeliveryItem> = {},
): DeliveryItem =>
  deliveryItem(recipients, { transport, router: "r", domain: "d.test", returnPath: "s@b.test", ...changes });

const noSpool = (): never => {
  throw new Error("nothing was spooled");
};
