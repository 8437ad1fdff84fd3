/** What programs are told of the site. */
export interface SiteNames {
  /** `qualify_domain` */
  readonly qualifyDomain: string;
  /** `timezone`, if it is set. */
  readonly timeZone: string | undefined;
}
