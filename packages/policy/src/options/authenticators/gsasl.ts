import type { DriverTable } from "../driver-table.ts";
import { everywhere } from "../option.ts";

/** SCRAM (RFC 5802, RFC 7677), under the driver name that Exim has it under. */
export const gsaslAuthenticator = {
  status: { kind: "supported", reader: "gateway" },
  options: {
    client_authz: everywhere("string*"),
    client_channelbinding: everywhere("boolean", false),
    client_password: everywhere("string*"),
    client_spassword: everywhere("string*"),
    client_username: everywhere("string*"),
    server_channelbinding: everywhere("boolean", false),
    server_hostname: everywhere("string*", "$primary_hostname"),
    server_key: everywhere("string*"),
    server_mech: everywhere("string", undefined, "public_name"),
    server_password: everywhere("string*"),
    server_realm: everywhere("string*"),
    server_scram_iter: everywhere("string*", "4096"),
    server_scram_salt: everywhere("string*"),
    server_service: everywhere("string", "smtp"),
    server_skey: everywhere("string*"),
  },
} satisfies DriverTable;
