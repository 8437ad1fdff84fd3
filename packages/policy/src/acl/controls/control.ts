import type { AclRun } from "../acl-run.ts";

/**
 * Does what a control says. @param options What follows the name, without its `/`; undefined: nothing does.
 * @throws {ExpansionFailure} the options are wrong.
 */
export type Control = (run: AclRun, options: string | undefined) => void;
