import { trim } from "@postbus/mail";
import { ExpansionFailure } from "../../expansion/failures.ts";
import { parseInterval } from "../../expansion/interval.ts";
import type { VerifyAddressRequest } from "../verify-address.ts";
import { readCalloutOptions } from "./callout-options.ts";

/** What `verify = recipient/…` and `verify = sender/…` may say. */
export interface AddressOptions extends Pick<VerifyAddressRequest, "isGoodWhenRedirected" | "callout" | "quota"> {
  readonly toleratesDefer: boolean;
  readonly hidesDetails: boolean;
}

/** @throws {ExpansionFailure} an option is unknown. */
export function readAddressOptions(words: readonly string[]): AddressOptions {
  let options: AddressOptions = {
    toleratesDefer: false,
    hidesDetails: false,
    isGoodWhenRedirected: false,
    callout: undefined,
    quota: undefined,
  };
  for (const word of words) options = { ...options, ...change(word) };
  return options;
}

function change(word: string): Partial<AddressOptions> {
  const [, name = "", value] = /^([a-z_]+)[\t-\r ]*(?:=[\t-\r ]*([\s\S]*))?$/i.exec(word) ?? [];
  switch (name.toLowerCase()) {
    case "defer_ok":
      return { toleratesDefer: true };
    case "no_details":
      return { hidesDetails: true };
    case "success_on_redirect":
      return { isGoodWhenRedirected: true };
    case "callout":
      return { callout: readCalloutOptions(value ?? "") };
    case "quota":
      return { quota: readQuota(value ?? "") };
    default:
      throw new ExpansionFailure(`unknown option "${word}" in ACL condition "verify"`);
  }
}

/** `cachepos=time,cacheneg=time`, `no_cache` */
function readQuota(text: string): NonNullable<VerifyAddressRequest["quota"]> {
  const times: { goodSeconds?: number; badSeconds?: number } = {};
  for (const word of text.split(",").filter((one) => trim(one) !== "")) {
    if (trim(word) === "no_cache") continue;
    const [, name, value = ""] =
      /^[\t-\r ]*(cachepos|cacheneg)[\t-\r ]*=[\t-\r ]*([^\t-\r ]*)[\t-\r ]*$/.exec(word) ?? [];
    const seconds = parseInterval(value);
    if (name === undefined || seconds === undefined) {
      throw new ExpansionFailure(`unknown option "quota=${text}" in ACL condition "verify"`);
    }
    if (name === "cachepos") times.goodSeconds = seconds;
    else times.badSeconds = seconds;
  }
  return times;
}
