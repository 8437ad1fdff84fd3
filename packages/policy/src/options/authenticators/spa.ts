import type { DriverTable } from "../driver-table.ts";
import { ignored } from "../option.ts";

/** NTLM; not available. */
export const spaAuthenticator = {
  status: { kind: "later", what: "NTLM; offer PLAIN over TLS" },
  options: {
    client_domain: ignored("string*"),
    client_password: ignored("string*"),
    client_username: ignored("string*"),
    server_password: ignored("string*"),
  },
} satisfies DriverTable;
