import type { Operator, Operators } from "../operator.ts";
import { address, addresses, domain, localPart } from "./address.ts";
import { base32, base32d, base62, base62d } from "./base-n.ts";
import { base64, base64d, hex2b64, str2b64 } from "./base64.ts";
import { lc, uc } from "./case.ts";
import { fromUtf8, rfc2047, rfc2047d, utf8clean } from "./charsets.ts";
import { md5, sha1, sha2, sha3, sha256 } from "./digest.ts";
import { escape8bit, escapeOperator, hexquote } from "./escape.ts";
import { evaluate, evaluateDecimal } from "./eval.ts";
import { expand } from "./expand.ts";
import { fileName } from "./file-name.ts";
import { h, hash, nh, nhash } from "./hash.ts";
import { headerwrap, xtextd } from "./headers.ts";
import { domainFromAlabel, domainToAlabel, localPartFromAlabel, localPartToAlabel } from "./idna.ts";
import { ipv6denorm, ipv6norm, mask, reverseIp } from "./ip.ts";
import { listcount, listnamed } from "./lists.ts";
import { quote, quoteLocalPart, rxquote } from "./quote.ts";
import { randint } from "./randint.ts";
import { stat } from "./stat.ts";
import { l, length, s, strlen, substr } from "./substr.ts";
import { timeEval, timeInterval } from "./time.ts";

/** Every operator. Adding one = a file, a line here, rows in the test's table. */
const all: readonly Operator[] = [
  ...[address, addresses, domain, localPart],
  ...[base32, base32d, base62, base62d, base64, base64d, hex2b64, str2b64],
  ...[lc, uc],
  ...[fromUtf8, rfc2047, rfc2047d, utf8clean],
  ...[md5, sha1, sha2, sha3, sha256],
  ...[escapeOperator, escape8bit, hexquote],
  ...[evaluate, evaluateDecimal],
  ...[expand, fileName],
  ...[h, hash, nh, nhash],
  ...[headerwrap, xtextd],
  ...[domainFromAlabel, domainToAlabel, localPartFromAlabel, localPartToAlabel],
  ...[ipv6denorm, ipv6norm, mask, reverseIp],
  ...[listcount, listnamed],
  ...[quote, quoteLocalPart, rxquote],
  ...[randint, stat],
  ...[l, length, s, strlen, substr],
  ...[timeEval, timeInterval],
];

export const operators: Operators = new Map(all.map((operator) => [operator.name, operator]));
