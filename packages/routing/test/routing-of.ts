import type { Resolver } from "@postbus/dns";
import { policySurroundings, readConfiguration, type Variables } from "@postbus/policy";
import { compileRouters, formatRouting, type Routing, type RoutingContext, type RoutingResult } from "../src/index.ts";

export interface TestRouting {
  readonly routing: Routing;
  readonly context: RoutingContext;
  /** Texts of warnings. */
  readonly warnings: readonly string[];
  route(address: string, more?: Partial<RoutingContext>): Promise<RoutingResult>;
  /** As `postbus route` prints it. */
  lines(address: string, more?: Partial<RoutingContext>): Promise<string[]>;
}

interface RoutingSurroundings {
  readonly resolver?: Resolver;
  readonly variables?: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** The routers of a configuration that a test writes down. The host is `mx.test.example`, 192.0.2.250. */
export function routingOf(text: string, { resolver, variables, now }: RoutingSurroundings = {}): TestRouting {
  const { configuration, problems } = readConfiguration({
    file: "/c",
    readFile: (path) => (path === "/c" ? Buffer.from(text, "latin1") : undefined),
  });
  const errors = problems.filter(({ kind }) => kind === "error");
  if (errors.length > 0) throw new Error(errors.map((problem) => problem.text).join("\n"));
  const { shared } = policySurroundings(configuration, {
    hostname: "mx.test.example",
    localAddresses: ["127.0.0.1", "::1", "192.0.2.250"],
    environment: {},
    random: (below) => below - 1,
    ...(resolver === undefined ? {} : { resolver }),
    ...(now === undefined ? {} : { now }),
  });
  const warnings: string[] = [];
  const given: Variables = { get: (name) => variables?.[name] };
  const context: RoutingContext = {
    purpose: "test",
    returnPath: "s@s.test",
    surroundings: shared,
    variables: given,
    warn: (warning) => void warnings.push(warning),
  };
  const routing = compileRouters(configuration);
  const route = (address: string, more: Partial<RoutingContext> = {}) =>
    routing.route(address, { ...context, ...more });
  return {
    routing,
    context,
    warnings,
    route,
    lines: async (address, more) => formatRouting(address, await route(address, more)),
  };
}

/** Transports for routers that need some. */
export const TRANSPORTS = `
begin transports
remote:
  driver = smtp
local:
  driver = appendfile
  file = /nowhere
pipe:
  driver = pipe
`;
