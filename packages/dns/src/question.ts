import { AUTHENTIC_DATA, type RecordType as CodecType, encode, RECURSION_DESIRED } from "dns-packet";
import type { RecordType } from "./record.ts";

/** Octets of a UDP answer that pass everywhere without fragments (DNS flag day 2020). */
const UDP_PAYLOAD_OCTETS = 1232;

export interface QueryPacket {
  readonly id: number;
  readonly name: string;
  readonly type: RecordType;
  readonly octets: Buffer;
}

/** The AD bit in a query asks for it in the answer (RFC 6840 §5.7) without the signatures that DO would bring. */
export function queryPacket(id: number, name: string, type: RecordType): QueryPacket {
  const octets = encode({
    type: "query",
    id,
    flags: RECURSION_DESIRED | AUTHENTIC_DATA,
    // Its types lack SPF; it has the number.
    questions: [{ name, type: type as CodecType, class: "IN" }],
    additionals: [
      {
        name: ".",
        type: "OPT",
        udpPayloadSize: UDP_PAYLOAD_OCTETS,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  });
  return { id, name, type, octets };
}
