import type { DriverTable } from "../driver-table.ts";
import { everywhere } from "../option.ts";

/** PLAIN, LOGIN and what else sends its secrets as they are (Exim's manual, "The plaintext authenticator"). */
export const plaintextAuthenticator = {
  status: { kind: "supported", reader: "gateway" },
  options: {
    client_ignore_invalid_base64: everywhere("boolean", false),
    client_send: everywhere("string*"),
    server_prompts: everywhere("list*"),
  },
} satisfies DriverTable;
