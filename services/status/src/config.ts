import { commonSettings } from "@postbus/service-kit";
import { type Static, Type } from "typebox";

/** Settings of the process. */
export const StatusConfig = Type.Object({
  ...commonSettings,
  /** Where the HTTP API and the page are, `host:port`; port 0 takes a free one. */
  http: Type.String({ default: "127.0.0.1:8080", pattern: "^.+:[0-9]+$" }),
  /**
   * What a client must show to change the queue (`Authorization: Bearer …`). Without it anybody on this host may; that
   * is why it must be set where others can reach the address.
   */
  httpToken: Type.Optional(Type.String({ minLength: 8 })),
});
export type StatusConfig = Static<typeof StatusConfig>;
