import type { ScanServer } from "@postbus/contracts";
import type { Configuration } from "../../reader/configuration.ts";
import { readEngineAddress } from "./engine-addresses.ts";

/** What the main section says of those who look into messages. */
export interface ScanOptions {
  readonly avScanner: string;
  readonly spamdAddress: string;
  readonly dcc: {
    /** As the file has it. */
    readonly address: string;
    /** Undefined: the address is none. */
    readonly server: ScanServer | undefined;
    readonly options: string;
    /** The field goes into the message at once. */
    readonly addsHeader: boolean;
    readonly saysRealHelo: boolean;
    readonly timeoutMs: number;
  };
}

export function scanOptions({ main }: Pick<Configuration, "main">): ScanOptions {
  const address = main.get("dccifd_address");
  const read = readEngineAddress(address);
  return {
    avScanner: main.get("av_scanner") ?? "",
    spamdAddress: main.get("spamd_address"),
    dcc: {
      address,
      server: read?.options.length === 0 ? read.server : undefined,
      options: main.get("dccifd_options"),
      addsHeader: main.get("dcc_direct_add_header"),
      saysRealHelo: main.get("dcc_helo") === "real",
      timeoutMs: main.get("dcc_timeout"),
    },
  };
}
