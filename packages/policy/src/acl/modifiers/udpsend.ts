import { ExpansionDefer, ExpansionFailure } from "../../expansion/failures.ts";
import { textOf } from "../../expansion/value.ts";
import { splitList } from "../../matching/split-list.ts";
import { expandedTest } from "../test.ts";

/** What fits into a datagram. */
const MAX_OCTETS = 65_507;

/** `udpsend = host : port : data`, where the data may hold colons once the separator is another. */
export const udpsend = expandedTest((value, { session }) => {
  const [host, port, data] = splitList(textOf(value)).items;
  if (host === undefined || host === "") throw new ExpansionFailure("udpsend: no destination host");
  if (!/^[0-9]{1,5}$/.test(port ?? "") || Number(port) > 65_535) throw new ExpansionFailure("udpsend: bad port");
  if (data === undefined) throw new ExpansionFailure("udpsend: nothing to send");
  if (data.length > MAX_OCTETS) throw new ExpansionFailure("udpsend: too much for a datagram");
  const { sendDatagram } = session.hooks;
  if (sendDatagram === undefined) throw new ExpansionDefer("udpsend is not available here");
  return sendDatagram(host, Number(port), data).then(() => "yes" as const);
});
