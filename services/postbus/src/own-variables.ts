import { variableName } from "@postbus/service-kit/settings";
import type { TObject } from "typebox";

/**
 * The variables that a command reads. Others that begin with `POSTBUS_` are for the services and not for it to judge:
 * an operator's environment is made for all of them.
 */
export function ownVariables(schema: TObject, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = Object.entries(schema.properties)
    .map(([key, property]) => variableName(key, property))
    .flatMap((name) => [name, `${name}_FILE`]);
  return Object.fromEntries(names.map((name) => [name, env[name]]));
}
