/** What `control =` has said about the connection. Its owner obeys. */
export interface ConnectionControls {
  /** `allow_auth_unadvertised` */
  allowsUnadvertisedAuth?: boolean;
  /** `enforce_sync`, `no_enforce_sync`: whether a client may send before it is answered. */
  enforcesSync?: boolean;
  /** `no_pipelining`: PIPELINING is not offered from now on. */
  isPipeliningOff?: boolean;
  /** `no_multiline_responses` */
  isMultilineOff?: boolean;
  /** `no_delay_flush`: replies are not written before a `delay`. */
  isDelayFlushOff?: boolean;
  /** `no_callout_flush` */
  isCalloutFlushOff?: boolean;
  /** `debug` */
  isTraced?: boolean;
}
