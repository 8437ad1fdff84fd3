import { ConfigError, DeferError } from "@postbus/mail";
import type { Policy, SmtpAcls, Variables } from "@postbus/policy";
import type { Delivery } from "@postbus/routing";

/**
 * The return path that a message to the address would leave with (`use_tptsender` of callouts): what `return_path` of the transport
 * makes of the router's `errors_to` or the sender, or one of those.
 *
 * @throws {DeferError} the option cannot be expanded.
 */
export async function transportSender(
  { address, transport = "", errorsTo, srsSender, variables, hosts }: Delivery,
  policy: Pick<Policy, "transport">,
  { session }: Pick<SmtpAcls, "session">,
): Promise<string> {
  const plain = errorsTo ?? srsSender ?? session.message.returnPath ?? "";
  const around = session.evaluation.around.variables;
  const [host] = hosts ?? [];
  const own: Readonly<Record<string, string | undefined>> = {
    return_path: plain,
    host: host?.name,
    host_address: host?.address,
  };
  const ofDelivery: Variables = {
    get: (name) => (Object.hasOwn(own, name) ? own[name] : (variables.get(name) ?? around.get(name))),
    headers: around.headers,
  };
  try {
    const made = await policy.transport(transport).at(() => ofDelivery, address);
    const options = await made.message?.(address);
    return options?.returnPath ?? plain;
  } catch (err) {
    if (err instanceof ConfigError) throw new DeferError("verify", err.message, { cause: err });
    throw err;
  }
}
