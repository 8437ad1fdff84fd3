import { commonSettings } from "@postbus/service-kit";
import { Type } from "typebox";

export const settings = Type.Object({
  ...commonSettings,
  /** Questions to one engine at one time; what comes on top is told to come again. A small message is in memory meanwhile. */
  scannerConcurrency: Type.Integer({ minimum: 1, maximum: 10_000, default: 256 }),
  /** Connections to one host of an engine at one time: as many as the program there can use. */
  scannerConnections: Type.Integer({ minimum: 1, maximum: 10_000, default: 20 }),
});
