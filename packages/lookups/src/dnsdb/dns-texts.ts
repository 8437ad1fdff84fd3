import { type Answer, type RecordData, type RecordType, type Resolver, recordsOf } from "@postbus/dns";
import type { DnsdbQuery } from "./dnsdb-query.ts";
import { recordText } from "./record-text.ts";
import { reverseName } from "./reverse-name.ts";

/** What the DNS has for one name, record by record. */
export interface DnsTexts {
  readonly texts: readonly string[];
  readonly authenticated: boolean;
  readonly ttlSeconds: number;
}

/** Labels above a name in which `zns` looks for a zone. */
const MAX_LABELS = 127;
/** Of a SRV record for client SMTP authorization (draft-ietf-marid-csv-csa-02): what its weight says. */
const CSA_WEIGHTS: Readonly<Record<number, string>> = { 1: "N", 2: "Y", 3: "?" };
const CSA_PRIORITY = 1;

/** Asks for one name. @throws {DeferError} */
export async function dnsTexts(
  resolver: Resolver,
  name: string,
  { type, joiner }: Pick<DnsdbQuery, "type" | "joiner">,
  signal: AbortSignal | undefined,
): Promise<readonly DnsTexts[]> {
  const ask = async <T extends RecordType>(
    recordType: T,
    text: (data: RecordData[T]) => string | undefined,
    asked = name,
  ): Promise<DnsTexts> => {
    const answer: Answer<T> = await resolver.resolve(asked, recordType, signal === undefined ? {} : { signal });
    const texts = recordsOf(answer).map(text);
    return {
      texts: texts.filter((found) => found !== undefined),
      authenticated: answer.authenticated,
      ttlSeconds: answer.ttlSeconds,
    };
  };
  const asIs = (text: string): string => text;
  switch (type) {
    case "a":
      return [await ask("A", asIs)];
    case "aaaa":
      return [await ask("AAAA", asIs)];
    case "a+":
      return [await ask("AAAA", asIs), await ask("A", asIs)];
    case "cname":
      return [await ask("CNAME", asIs)];
    case "ns":
      return [await ask("NS", asIs)];
    case "ptr":
      return [await ask("PTR", asIs, reverseName(name) ?? name)];
    case "mx":
      return [await ask("MX", (data) => recordText.MX(data, joiner))];
    case "mxh":
      return [await ask("MX", ({ exchange }) => exchange)];
    case "soa":
      return [await ask("SOA", (data) => recordText.SOA(data, joiner))];
    case "spf":
      return [await ask("SPF", (data) => recordText.SPF(data, joiner))];
    case "srv":
      return [await ask("SRV", (data) => recordText.SRV(data, joiner))];
    case "tlsa":
      return [await ask("TLSA", (data) => recordText.TLSA(data, joiner))];
    case "txt":
      return [await ask("TXT", (data) => recordText.TXT(data, joiner))];
    case "csa":
      return [
        await ask(
          "SRV",
          ({ priority, weight, target }) =>
            priority === CSA_PRIORITY && CSA_WEIGHTS[weight] !== undefined
              ? `${CSA_WEIGHTS[weight]} ${target}`
              : undefined,
          `_client._smtp.${name}`,
        ),
      ];
    case "zns": {
      const labels = name.split(".").slice(-MAX_LABELS);
      let found: DnsTexts = { texts: [], authenticated: false, ttlSeconds: 0 };
      for (; labels.length > 0 && found.texts.length === 0; labels.shift())
        found = await ask("NS", asIs, labels.join("."));
      return [found];
    }
    default:
      return type satisfies never;
  }
}
