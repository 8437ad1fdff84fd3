import type { DriverTable } from "../driver-table.ts";
import { everywhere } from "../option.ts";

/** Authenticated by the TLS session alone, without an AUTH command (Exim's manual, "The tls authenticator"). */
export const tlsAuthenticator = {
  status: { kind: "supported", reader: "gateway" },
  options: {
    server_param: everywhere("string*"),
    server_param1: everywhere("string*"),
    server_param2: everywhere("string*"),
    server_param3: everywhere("string*"),
  },
} satisfies DriverTable;
