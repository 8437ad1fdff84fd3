/** A next hop, by name and address. */
export interface RoutedHost {
  readonly name: string;
  /** Undefined: it has none that can be used now. */
  readonly address: string | undefined;
  /** Preference of the MX record, or priority of the SRV record, that names it. */
  readonly mx: number | undefined;
  /** Undefined: the transport's. */
  readonly port: number | undefined;
  /** Hosts of one number may be tried in any order: those between two `+` of a list. */
  readonly group: number;
  /** The DNS has vouched for name and address: DANE may be used. */
  readonly isAuthenticated: boolean;
  /** It has vouched for the MX or SRV record that names the host. */
  readonly isRecordAuthenticated?: true;
}
