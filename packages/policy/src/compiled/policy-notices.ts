import { createEvaluation } from "../expansion/create-evaluation.ts";
import type { SharedSurroundings } from "../load/policy-surroundings.ts";
import { compileList } from "../matching/compile-list.ts";
import type { Configuration } from "../reader/configuration.ts";

/** Documentation addresses far from each other: a list that has both has everybody (RFC 5737, RFC 3849, RFC 9637). */
const EVERYWHERE = [
  ["192.0.2.1", "203.0.113.1"],
  ["2001:db8::1", "3fff::1"],
];

/** As in Exim: the content comes with the command, and nobody waits for an answer before it. */
const PREDATA =
  "acl_smtp_predata is not asked of messages that come by BDAT: set chunking_advertise_hosts to nothing if it must be";

/** What is no error, and yet may not be what the operator wants. */
export function policyNotices(
  { main, namedLists }: Configuration,
  primaryHostname: string,
  shared: SharedSurroundings,
): string[] {
  const notices: string[] = [];
  if (!primaryHostname.includes(".")) notices.push(`primary_hostname is not a qualified name: ${primaryHostname}`);
  if (namedLists.host.has("relay_from_hosts") && EVERYWHERE.some((far) => far.every(relayTest(shared)))) {
    notices.push("relay_from_hosts has hosts of everywhere in it: an open relay");
  }
  if (main.setting("tls_privatekey") !== undefined && main.setting("tls_certificate") === undefined) {
    notices.push("tls_privatekey without tls_certificate: TLS is not offered");
  }
  if (main.setting("acl_smtp_predata") !== undefined && main.get("chunking_advertise_hosts").trim() !== "") {
    notices.push(PREDATA);
  }
  return notices;
}

/** Of a list that has to ask somebody, nothing is said. */
function relayTest(shared: SharedSurroundings): (address: string) => boolean {
  const list = compileList("host", "+relay_from_hosts");
  const evaluation = createEvaluation({ ...shared, variables: { get: () => undefined } });
  return (address) => {
    try {
      const answer = list.match(evaluation, address);
      if (!(answer instanceof Promise)) return answer !== undefined;
      answer.catch(() => undefined);
    } catch {
      // It cannot be decided without a session: it is not for everybody.
    }
    return false;
  };
}
