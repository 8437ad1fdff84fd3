import type { DriverTable } from "../driver-table.ts";
import { ignored } from "../option.ts";

/** Asking a Dovecot server; not available. */
export const dovecotAuthenticator = {
  status: { kind: "later", what: "asking a Dovecot server for AUTH; use a plaintext authenticator with a lookup" },
  options: {
    server_socket: ignored("string"),
    server_tls: ignored("boolean", false),
  },
} satisfies DriverTable;
