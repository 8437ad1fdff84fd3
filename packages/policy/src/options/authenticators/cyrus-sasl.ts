import type { DriverTable } from "../driver-table.ts";
import { ignored } from "../option.ts";

/** The Cyrus SASL library; not available. */
export const cyrusSaslAuthenticator = {
  status: { kind: "later", what: "the Cyrus SASL library; use plaintext, cram_md5, gsasl or external" },
  options: {
    server_hostname: ignored("string*"),
    server_mech: ignored("string"),
    server_realm: ignored("string*"),
    server_service: ignored("string", "smtp"),
  },
} satisfies DriverTable;
