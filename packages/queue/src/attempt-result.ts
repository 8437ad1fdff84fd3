interface Host {
  /** Name of the host as configured or found in DNS. */
  readonly host?: string;
  readonly hostAddress?: string;
  readonly hostPort?: number;
}

/** What became of one recipient in one attempt. A crash is none of these: the bus hands the item out again. */
export type AttemptResult =
  | (Host & {
      readonly outcome: "delivered";
      /** The connection had carried a message before. */
      readonly reused?: boolean;
      readonly cipher?: string;
      /** The next hop's last reply. */
      readonly confirmation?: string;
    })
  /** @property errno The operating system's, or Exim's negative codes (spec: SMTP transport §4). */
  | (Host & { readonly outcome: "deferred"; readonly errno: number; readonly text: string })
  /** @property ownReply A reply as a host would have given it, for the report: `550 5.7.30 REQUIRETLS support required`. */
  | (Host & { readonly outcome: "failed"; readonly text: string; readonly ownReply?: string });
