import type { DmarcRecord } from "@postbus/contracts";

/** What is checked against what. */
export interface DmarcQuestion {
  readonly headerFrom: readonly string[];
  readonly spfDomains: readonly string[];
  readonly dkimDomains: readonly { readonly domain: string; readonly underSized?: number }[];
}

/** What one of the two ways to find a domain's record has come to. */
export interface Evaluated {
  readonly result: string;
  /** Of the author. */
  readonly domain: string;
  /** What is to be done with a failure; absent: there is no record. */
  readonly policy?: string | undefined;
  readonly comment: string;
  readonly isSpfAligned: boolean;
  readonly isDkimAligned: boolean;
  readonly record?: DmarcRecord | undefined;
}
