import { acceptRouter } from "./accept.ts";
import { dnslookupRouter } from "./dnslookup.ts";
import { ipliteralRouter } from "./ipliteral.ts";
import { iplookupRouter } from "./iplookup.ts";
import { manualrouteRouter } from "./manualroute.ts";
import { queryprogramRouter } from "./queryprogram.ts";
import { redirectRouter } from "./redirect.ts";

/** The kinds of routers, by the value of `driver`. Adding one = a file, a line here. */
export const routerDrivers = {
  accept: acceptRouter,
  dnslookup: dnslookupRouter,
  ipliteral: ipliteralRouter,
  iplookup: iplookupRouter,
  manualroute: manualrouteRouter,
  queryprogram: queryprogramRouter,
  redirect: redirectRouter,
};
