import type { DriverTable } from "../driver-table.ts";
import { everywhere } from "../option.ts";

/** EXTERNAL, by a client certificate (RFC 4422; Exim's manual, "The external authenticator"). */
export const externalAuthenticator = {
  status: { kind: "supported", reader: "gateway" },
  options: {
    client_send: everywhere("string*"),
    server_param2: everywhere("string*"),
    server_param3: everywhere("string*"),
  },
} satisfies DriverTable;
