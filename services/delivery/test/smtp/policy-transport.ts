import type { DeliveryItem } from "@postbus/contracts";
import { compilePolicy, MessageVariables, readConfiguration, type SmtpTransport } from "@postbus/policy";
import { deliveryItem } from "./rig.ts";

/** The transport `t` of a configuration, as it is for a message. @param sections Behind the transports. */
export async function policyTransport(
  port: number,
  options: string,
  sections = "",
  of: Partial<DeliveryItem> = {},
): Promise<SmtpTransport> {
  const text = `primary_hostname = mx.a.test
begin transports
t:
  driver = smtp
  port = ${port}
  hosts = 127.0.0.1
  allow_localhost
  ${options.trim().replaceAll("\n", "\n  ")}
${sections}
`;
  const { configuration } = readConfiguration({
    file: "p.conf",
    macros: new Map(),
    readFile: (path) => (path === "p.conf" ? Buffer.from(text, "latin1") : undefined),
  });
  const process = { hostname: "mx.a.test", localAddresses: ["127.0.0.1"], environment: {} };
  const policy = compilePolicy({ configuration, file: "p.conf", process, programVersion: "4.100" });
  const item = deliveryItem(["r@b.test"], of);
  const transport = await policy.transport("t").at((address) => new MessageVariables(item, address), "r@b.test");
  if (transport.driver !== "smtp") throw new Error("no smtp transport");
  return transport;
}
