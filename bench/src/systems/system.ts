import type { TestCertificate } from "@postbus/testkit";
import type { Account } from "../account.ts";
import type { FilterLab } from "../filter-lab.ts";

/** A mail transfer agent that runs and relays everything to a sink. */
export interface System {
  readonly name: string;
  readonly port: number;
  /** Where TLS comes before the greeting, if it was started with a certificate and can do that. */
  readonly tlsPort?: number;
  /** Where mail for `dead.test` goes, if it was started with one. */
  readonly deadPort?: number;
  readonly account: Account;
  stop(): Promise<void>;
}

export interface SystemOptions {
  /** Where mail is relayed to, 127.0.0.1. */
  readonly sinkPort: number;
  /** Only accept: nothing is delivered. */
  readonly hold: boolean;
  /** It is to speak TLS, and with this. */
  readonly certificate?: TestCertificate | undefined;
  /** Mail for `dead.test` goes to a port where nobody listens. */
  readonly hasDeadHop?: boolean;
  /** It is to verify what comes in. */
  readonly filter?: FilterLab | undefined;
  /** Empty directory for everything it writes. */
  readonly directory: string;
}

export type StartSystem = (options: SystemOptions) => Promise<System>;
