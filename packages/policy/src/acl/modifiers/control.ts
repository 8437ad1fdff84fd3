import { trim } from "@postbus/mail";
import { ExpansionFailure } from "../../expansion/failures.ts";
import { textOf } from "../../expansion/value.ts";
import type { AclControlName } from "../../options/acl/controls.ts";
import { aclControls, controlAliases } from "../../options/acl/controls.ts";
import { controls } from "../controls/index.ts";
import { stageNames } from "../stage-names.ts";
import { readTest } from "../test.ts";

interface Setting {
  readonly name: AclControlName;
  readonly options: string | undefined;
}

/** `control = name/options` */
export const control = readTest<Setting>(
  (value) => read(textOf(value)),
  ({ name, options }, run) => {
    const { stages } = aclControls[name];
    if (stages !== "all" && !stages.has(run.stage)) {
      throw new ExpansionFailure(`cannot use "control=${name}" in ${stageNames[run.stage]} ACL`);
    }
    controls[name](run, options);
    return "yes";
  },
);

/** @throws {ExpansionFailure} there is no such control, or it takes no options. */
function read(text: string): Setting {
  const slash = text.indexOf("/");
  const written = trim(slash === -1 ? text : text.slice(0, slash));
  const name = controlAliases[written] ?? written;
  if (!isControl(name)) throw new ExpansionFailure(`syntax error in "control=${text}"`);
  const options = slash === -1 ? undefined : text.slice(slash + 1);
  if (options !== undefined && !aclControls[name].hasOptions) {
    throw new ExpansionFailure(`syntax error in "control=${text}"`);
  }
  return { name, options };
}

const isControl = (name: string): name is AclControlName => Object.hasOwn(aclControls, name);
