import { type Static, Type } from "typebox";

/** Where an engine listens: a UNIX socket, or a host (name or address) and port. */
export const ScanServer = Type.Union([
  Type.Object({ path: Type.String({ pattern: "^/" }) }, { additionalProperties: false }),
  Type.Object(
    { host: Type.String({ minLength: 1 }), port: Type.Integer({ minimum: 1, maximum: 65_535 }) },
    { additionalProperties: false },
  ),
]);
export type ScanServer = Static<typeof ScanServer>;
