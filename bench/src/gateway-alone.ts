// node bench/src/gateway-alone.ts CHECKOUT
//
// The gateway of a checkout on an embedded bus from which nobody takes anything: what accepting costs, and nothing else.
// Settings come from the environment. Operators have no such form: mail would lie there for ever.
import { join, resolve } from "node:path";

/** The parts of a checkout that are used, by their files: the packages' names would be those of this one. */
interface Parts {
  readonly gateway: object;
  runServices(services: readonly object[], options: { readonly logTo: 2; onReady(): void }): Promise<never>;
}

const root = resolve(process.argv[2] ?? ".");
const parts: Partial<Parts> = {
  ...(await import(join(root, "services/gateway/src/index.ts"))),
  ...(await import(join(root, "packages/service-kit/src/index.ts"))),
};
if (parts.gateway === undefined || parts.runServices === undefined) throw new Error(`${root} is no checkout`);
await parts.runServices([parts.gateway], { logTo: 2, onReady: () => void process.stdout.write("postbus ready\n") });
