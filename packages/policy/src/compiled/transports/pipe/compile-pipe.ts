import { createEvaluation } from "../../../expansion/create-evaluation.ts";
import type { Variables } from "../../../expansion/evaluation.ts";
import { Tainted, type Value } from "../../../expansion/value.ts";
import type { SharedSurroundings } from "../../../load/policy-surroundings.ts";
import type { CompiledTransport } from "../../../policy.ts";
import type { TransportSettings } from "../../../reader/configuration.ts";
import { compileFilter, filterOf } from "../filter.ts";
import { batchSize } from "../local/batch-size.ts";
import { compilePlace, ROUTED_PLACE } from "../local/delivery-place.ts";
import type { SiteNames } from "../local/site-names.ts";
import { compileMessageOptions } from "../message-options.ts";
import { variablesIn } from "../variables-in.ts";
import { PipeOrders } from "./pipe-orders.ts";
import { pipeSettings } from "./pipe-settings.ts";

type Settings = Extract<TransportSettings, { kind: "pipe" }>;

/** What a program's environment has of every address, whether or not the options name it. */
const OF_ENVIRONMENT = [
  "local_part",
  "local_part_prefix",
  "local_part_suffix",
  "domain",
  "address_pipe",
  ...ROUTED_PLACE,
];

/** A transport to a program. Nothing of it is the same for every message: the program's environment is not. */
export function compilePipe(
  { name, options }: Settings,
  names: SiteNames,
  shared: SharedSurroundings,
): CompiledTransport {
  const settings = pipeSettings(options);
  const message = compileMessageOptions(options, shared, names);
  const filter = compileFilter({ name, kind: "pipe" }, options, shared);
  const place = compilePlace(name, options, shared);
  const own = ["command", "path", "allow_commands", "environment", "message_prefix", "message_suffix"] as const;
  const ofOthers = [...place.sources, ...message.sources, ...(filter?.sources ?? [])];
  const sources = [...own.flatMap((option) => options.get(option) ?? []), ...ofOthers];
  const isNamed = variablesIn(sources);
  const orders = new PipeOrders({ name, options, names });
  return {
    name,
    driver: "pipe",
    maxRcpt: batchSize(options, isNamed),
    hasOwnHosts: false,
    variables: (variable) => OF_ENVIRONMENT.includes(variable) || isNamed(variable),
    at: (variables, recipient) => ({
      driver: "pipe",
      name,
      settings,
      message: (address) => message.at(variables(address)),
      ...filterOf(filter, variables),
      async order(request) {
        const given = variables(recipient);
        const pipe = request.pipe === undefined ? undefined : asTainted(given.get("address_pipe"), request.pipe);
        const own = { transport_name: name, address_pipe: pipe, host: request.host };
        const found = await place.at(given, own, request);
        if (found.kind === "refused") return found;
        return orders.order(
          { ...request, pipe },
          found.place,
          createEvaluation({ ...shared, variables: found.variables }),
        );
      },
    }),
  };
}

/** A command of a redirect list is tainted if that was. */
const asTainted = (carried: ReturnType<Variables["get"]>, text: string): Value =>
  carried instanceof Tainted ? new Tainted(text) : text;
