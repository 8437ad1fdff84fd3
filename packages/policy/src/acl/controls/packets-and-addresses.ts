import { dscpOf } from "../../compiled/transports/dscp.ts";
import { ExpansionFailure } from "../../expansion/failures.ts";
import type { Control } from "./control.ts";

/** What is decided in this session is recorded from now on; `kill`, `stop`: no more. How much, and where to, has no meaning here. */
export const debug: Control = ({ session }, options = "") => {
  session.connection.controls.isTraced = !options.split("/").some((word) => word === "kill" || word === "stop");
};

/** Class of the packets that we send (RFC 2474). */
export const dscp: Control = ({ session }, options) => {
  if (options === undefined || options === "") throw new ExpansionFailure('syntax error in "control=dscp"');
  const dscp = dscpOf(options);
  if (dscp === undefined) throw new ExpansionFailure(`unrecognised dscp value in "control=dscp/${options}"`);
  session.hooks.classify?.(dscp);
};

const VALUES: ReadonlyMap<string, -1 | 0 | 1> = new Map<string, -1 | 0 | 1>([
  ["1", 1],
  ["0", 0],
  ["-1", -1],
]);

/** The address is written without UTF-8 for hosts that cannot take it. */
export const utf8Downconvert: Control = ({ session }, options = "1") => {
  const value = VALUES.get(options);
  if (value === undefined) throw new ExpansionFailure(`bad option value for control=utf8_downconvert: ${options}`);
  session.message.controls.utf8Downconvert = value;
};
