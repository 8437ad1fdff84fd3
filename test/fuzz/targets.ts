import { addressPath } from "./address-path.ts";
import { clientHello } from "./client-hello.ts";
import { dnsAnswer } from "./dns-answer.ts";
import { clamdAnswer, dccifdAnswer, rspamdAnswer, spamdAnswer } from "./engine-answer.ts";
import type { FuzzTarget } from "./fuzz-target.ts";
import { proxyHeader } from "./proxy-header.ts";
import { arcFields, forgedResults, statedResults } from "./seals.ts";
import { chunkSessions, commandSessions } from "./sessions.ts";
import { spfRecord } from "./spf-record.ts";
import { dkimKey, dkimSignature, dmarcRecord } from "./tag-lists.ts";

/** All that reads what strangers send, before anybody knows who they are; what they have in the DNS; what engines answer. */
export const targets: readonly FuzzTarget[] = [
  ...[addressPath, proxyHeader, clientHello, chunkSessions, commandSessions],
  ...[dkimSignature, dkimKey, arcFields, statedResults, forgedResults, spfRecord, dmarcRecord, dnsAnswer],
  ...[dccifdAnswer, clamdAnswer, spamdAnswer, rspamdAnswer],
];
