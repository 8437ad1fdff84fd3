import { isIP } from "node:net";
import { LookupDefer } from "../lookup-defer.ts";
import type { PairLookupType } from "../lookup-type.ts";

/** `${lookup{$sender_address}spf{$sender_host_address}}`: may this host send for this address (RFC 7208)? `pass`, `fail`, … */
export const spf: PairLookupType = {
  name: "spf",
  style: "single-key",
  wants: "no file",
  start: ({ checkSpf }) => ({
    async find(address, clientAddress, { scope: { signal } }) {
      if (isIP(clientAddress) === 0) throw new LookupDefer("spf", `invalid IP address '${clientAddress}'`);
      if (checkSpf === undefined) throw new LookupDefer("spf", "there is no resolver");
      return { data: await checkSpf(address, clientAddress, signal) };
    },
  }),
};
