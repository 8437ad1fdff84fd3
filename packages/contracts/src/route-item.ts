import { type Static, Type } from "typebox";
import { messageFields } from "./envelope.ts";

/** gateway, delivery (deferred again, bounce), router (generated messages) → router: "where does each recipient go?" */
export const RouteItem = Type.Object(messageFields, { additionalProperties: false });
export type RouteItem = Static<typeof RouteItem>;

/** Shards let a stream be split later without renaming; today there is one. */
const SHARD = "0";

export const routeSubject = (): string => `mail.route.${SHARD}`;
