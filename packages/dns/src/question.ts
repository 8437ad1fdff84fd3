import { AUTHENTIC_DATA, type RecordType as CodecType, encode, type OptAnswer, RECURSION_DESIRED } from "dns-packet";
import type { RecordType } from "./record.ts";

/** Octets of a UDP answer that pass everywhere without fragments (DNS flag day 2020). */
const UDP_PAYLOAD_OCTETS = 1232;

/** RFC 6891 §6.1.2 */
const EDNS: OptAnswer = {
  name: ".",
  type: "OPT",
  udpPayloadSize: UDP_PAYLOAD_OCTETS,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

export interface QueryPacket {
  readonly id: number;
  readonly name: string;
  readonly type: RecordType;
  readonly octets: Buffer;
}

/**
 * The AD bit in a query asks for it in the answer (RFC 6840 §5.7) without the signatures that DO would bring.
 *
 * @param usesEdns Without it, an answer over UDP has 512 octets (RFC 6891 §6.2.3).
 */
export function queryPacket(id: number, name: string, type: RecordType, usesEdns = true): QueryPacket {
  const octets = encode({
    type: "query",
    id,
    flags: RECURSION_DESIRED | AUTHENTIC_DATA,
    // Its types lack SPF; it has the number.
    questions: [{ name, type: type as CodecType, class: "IN" }],
    additionals: usesEdns ? [EDNS] : [],
  });
  return { id, name, type, octets };
}
