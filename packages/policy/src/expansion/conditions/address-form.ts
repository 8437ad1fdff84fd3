import { isIP, isIPv4, isIPv6 } from "node:net";
import type { Condition } from "../condition.ts";
import { ofOne } from "../subjects.ts";

/** `isip{text}`, `isip4{text}`, `isip6{text}`: an IP address, without a mask. */
export const isip: Condition = { name: "isip", compile: (parser) => ofOne(parser, "isip", (text) => isIP(text) !== 0) };
export const isip4: Condition = { name: "isip4", compile: (parser) => ofOne(parser, "isip4", isIPv4) };
export const isip6: Condition = { name: "isip6", compile: (parser) => ofOne(parser, "isip6", isIPv6) };
