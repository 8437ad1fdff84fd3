/** What local transports know of the site. */
export interface SiteNames {
  /** `qualify_domain` and `qualify_recipient` */
  readonly qualifyDomain: string;
  readonly qualifyRecipient: string;
  /** `log_selector = +address_rewrite` */
  readonly logsRewrites: boolean;
  /** `timezone`, if it is set. */
  readonly timeZone: string | undefined;
  /** `bounce_return_size_limit`, octets. */
  readonly bounceReturnLimit: number;
}
