import type { DriverTable } from "../driver-table.ts";
import { everywhere } from "../option.ts";

/** CRAM-MD5 (RFC 2195; Exim's manual, "The cram_md5 authenticator"). */
export const cramMd5Authenticator = {
  status: { kind: "supported", reader: "gateway" },
  options: {
    client_name: everywhere("string*", "$primary_hostname"),
    client_secret: everywhere("string*"),
    server_secret: everywhere("string*"),
  },
} satisfies DriverTable;
