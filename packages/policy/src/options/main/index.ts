import type { OptionTable } from "../option.ts";
import { aclOptions } from "./acls.ts";
import { bounceOptions } from "./bounces.ts";
import { checkOptions } from "./checks.ts";
import { dnsOptions } from "./dns.ts";
import { logOptions } from "./logs.ts";
import { lookupOptions } from "./lookups.ts";
import { messageOptions } from "./messages.ts";
import { processOptions } from "./processes.ts";
import { queueOptions } from "./queue.ts";
import { smtpOptions } from "./smtp.ts";
import { tlsOptions } from "./tls.ts";

/** Every option that may stand in front of the first section. Adding one = a row in the file of its subject. */
export const mainOptions = {
  ...aclOptions,
  ...bounceOptions,
  ...checkOptions,
  ...dnsOptions,
  ...logOptions,
  ...lookupOptions,
  ...messageOptions,
  ...processOptions,
  ...queueOptions,
  ...smtpOptions,
  ...tlsOptions,
} satisfies OptionTable;

export type MainOptions = typeof mainOptions;
