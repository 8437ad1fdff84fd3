import type { DriverTable } from "../driver-table.ts";
import { ignored } from "../option.ts";

/** Kerberos; not available. */
export const heimdalGssapiAuthenticator = {
  status: { kind: "later", what: "Kerberos; use plaintext, cram_md5, gsasl or external" },
  options: {
    server_hostname: ignored("string*"),
    server_keytab: ignored("string*"),
    server_service: ignored("string*", "smtp"),
  },
} satisfies DriverTable;
