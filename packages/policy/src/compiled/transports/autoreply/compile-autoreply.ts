import { createEvaluation } from "../../../expansion/create-evaluation.ts";
import type { SharedSurroundings } from "../../../load/policy-surroundings.ts";
import type { CompiledTransport } from "../../../policy.ts";
import type { TransportSettings } from "../../../reader/configuration.ts";
import { compilePlace } from "../local/delivery-place.ts";
import type { SiteNames } from "../local/site-names.ts";
import { compileMessageOptions } from "../message-options.ts";
import { variablesIn } from "../variables-in.ts";
import { Replies } from "./replies.ts";

type Settings = Extract<TransportSettings, { kind: "autoreply" }>;

const TEXTS = [
  ...(["bcc", "cc", "file", "from", "headers", "log", "never_mail", "once", "once_repeat", "reply_to"] as const),
  ...(["subject", "text", "to"] as const),
] as const;

/** A transport that answers. */
export function compileAutoreply(
  { name, options }: Settings,
  names: SiteNames,
  shared: SharedSurroundings,
): CompiledTransport {
  const message = compileMessageOptions(options, shared, names);
  const place = compilePlace(name, options, shared);
  const replies = new Replies(name, options);
  const own = TEXTS.flatMap((option) => options.get(option) ?? []).map(String);
  // What stands in a file may name any variable.
  const isOpen = options.get("file_expand") ? ["expand"] : [];
  const settings = {
    expandsFile: options.get("file_expand"),
    isFileOptional: options.get("file_optional"),
    returnsMessage: options.get("return_message"),
    returnLimit: names.bounceReturnLimit,
    mode: options.get("mode"),
    qualifyDomain: names.qualifyDomain,
    qualifyRecipient: names.qualifyRecipient,
  };
  const isNamed = variablesIn([...own, ...isOpen, ...place.sources, ...message.sources]);
  return {
    name,
    driver: "autoreply",
    maxRcpt: 1,
    hasOwnHosts: false,
    // A reply refers to its message, whatever the options say.
    variables: (variable) => variable === "message_headers" || isNamed(variable),
    at: (variables, recipient) => ({
      driver: "autoreply",
      name,
      settings,
      message: (address) => message.at(variables(address)),
      async reply(request) {
        const found = await place.at(variables(recipient), { transport_name: name }, request);
        if (found.kind === "refused") return found;
        return replies.reply(found, createEvaluation({ ...shared, variables: found.variables }));
      },
    }),
  };
}
