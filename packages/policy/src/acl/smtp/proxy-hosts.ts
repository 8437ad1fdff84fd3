import type { Eventual } from "../../expansion/code.ts";
import { compileList } from "../../matching/compile-list.ts";
import type { Configuration } from "../../reader/configuration.ts";
import type { AclSession } from "../session.ts";
import { isClientIn } from "./is-client-in.ts";

/** Whether whoever has connected must send a PROXY header. */
export type ProxyTest = (session: AclSession) => Eventual<boolean>;

/** `hosts_proxy`, expanded for each connection. Undefined: nobody must. */
export function proxyTest({ main }: Pick<Configuration, "main">): ProxyTest | undefined {
  const text = main.get("hosts_proxy")?.trim() ?? "";
  if (text === "") return undefined;
  const list = compileList("host", text);
  return (session) => isClientIn(list, session);
}
