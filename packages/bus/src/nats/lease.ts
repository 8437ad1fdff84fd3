/**
 * The server hands an item out again when it has heard nothing for so long (`ack_wait`): how long a dead process
 * keeps its items. Long enough that a busy machine does not lose its leases, short enough that nobody waits.
 */
export const ACK_WAIT_MS = 30_000;
/** Below it, the ordinary pauses of a busy process would end leases. */
export const ACK_WAIT_MIN_MS = 2_000;

/** What follows from `ack_wait`. */
export interface LeaseTimes {
  /** How often a held item is renewed: three times before the server gives it to another. */
  readonly renewEveryMs: number;
  /** For how long after a renewal an item counts as held: `ack_wait` less what octets may spend in buffers. */
  readonly validMs: number;
  /**
   * If the process stood still for longer, items that were sent to it meanwhile lie in its socket, their leases running
   * or over.
   */
  readonly standstillMs: number;
  /** How often all this is looked at. */
  readonly tickMs: number;
}

export const leaseTimes = (ackWaitMs: number): LeaseTimes => ({
  renewEveryMs: Math.floor(ackWaitMs / 4),
  validMs: Math.floor((ackWaitMs * 2) / 3),
  standstillMs: Math.floor(ackWaitMs / 6),
  tickMs: Math.floor(ackWaitMs / 30),
});

/**
 * When a server has come back, items that it may have handed out before are left alone for so long, so that their
 * holders can come back too and claim them.
 */
export const GRACE_MS = 3_000;
/** For how long a holder that has lost its connection may still act: `GRACE_MS` less what noticing may take. */
const UNCONNECTED_MS = 1_500;

/** Two clocks: the monotonic one stands still while a machine sleeps, the other can be set back. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export const instant = (): Instant => ({ monotonicMs: performance.now(), wallMs: Date.now() });

/** Time since `then` by the clock that says more. A clock set forward gives up a lease for nothing; that is harmless. */
export const elapsedMs = (then: Instant): number =>
  Math.max(performance.now() - then.monotonicMs, Date.now() - then.wallMs);

/**
 * Whether nobody else can have got the item by now.
 *
 * @param renewedAt When the item came, or the last renewal that the server confirmed was sent.
 * @param disconnectedAt Since when there is no connection.
 */
export function isLeaseValid(renewedAt: Instant, validMs: number, disconnectedAt: Instant | undefined): boolean {
  if (elapsedMs(renewedAt) >= validMs) return false;
  return disconnectedAt === undefined || elapsedMs(disconnectedAt) < UNCONNECTED_MS;
}
