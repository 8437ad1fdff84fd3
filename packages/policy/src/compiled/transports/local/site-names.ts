/** What local transports know of the site. */
export interface SiteNames {
  /** `qualify_domain` and `qualify_recipient` */
  readonly qualifyDomain: string;
  readonly qualifyRecipient: string;
  /** `timezone`, if it is set. */
  readonly timeZone: string | undefined;
  /** `bounce_return_size_limit`, octets. */
  readonly bounceReturnLimit: number;
}
