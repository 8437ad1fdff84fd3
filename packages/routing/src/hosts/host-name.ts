import type { Evaluation } from "@postbus/policy";
import type { HostSettings } from "../routing-settings.ts";
import { isListed } from "./address-records.ts";

/** A label begins and ends with a letter, a digit or an underscore; a slash may stand in it (RFC 2317). */
const NAME =
  /^(?=.{1,255}$)[A-Za-z0-9_](?:[A-Za-z0-9/_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9/_-]*[A-Za-z0-9_])?)*\.?$/;

/** Whether the DNS is asked for a name at all: `dns_check_names_pattern`. */
export async function isHostName(name: string, { names }: HostSettings, evaluation: Evaluation): Promise<boolean> {
  return names === undefined ? NAME.test(name) : isListed(names, name, evaluation);
}
