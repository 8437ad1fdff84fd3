import type { RouterSettings } from "@postbus/policy";
import type { RunDriver } from "../compiled-router.ts";
import { compileAccept } from "./accept.ts";
import { compileDnslookup } from "./dnslookup.ts";
import { compileIpliteral } from "./ipliteral.ts";
import { compileManualroute } from "./manualroute.ts";
import { compileRedirect } from "./redirect.ts";

/** Compiles what a router does, by its kind. Adding one = a file, a line here. Undefined: the kind is not available. */
export function compileDriver(settings: RouterSettings): RunDriver | undefined {
  switch (settings.kind) {
    case "accept":
      return compileAccept();
    case "dnslookup":
      return compileDnslookup(settings);
    case "ipliteral":
      return compileIpliteral();
    case "manualroute":
      return compileManualroute(settings);
    case "redirect":
      return compileRedirect(settings);
    // The reader of the configuration refuses them.
    case "iplookup":
    case "queryprogram":
      return undefined;
    default:
      throw new Error(`unhandled router: ${JSON.stringify(settings satisfies never)}`);
  }
}
