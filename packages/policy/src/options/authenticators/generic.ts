import { everywhere, ignored, type OptionTable } from "../option.ts";

/** What every authenticator may have (Exim's manual, "SMTP authentication"). */
export const authenticatorOptions = {
  client_condition: everywhere("string*"),
  client_set_id: everywhere("string*"),
  driver: everywhere("string"),
  public_name: everywhere("string", undefined, "the authenticator's own name"),
  server_advertise_condition: everywhere("string*"),
  server_condition: everywhere("string*"),
  server_debug_print: ignored("string*"),
  server_mail_auth_condition: everywhere("string*"),
  server_set_id: everywhere("string*"),
} satisfies OptionTable;
