/** Exim's numbers for what can be wrong with a mailbox (its log: `defer (-22)`). */
export const mailboxErrors = {
  unknown: -1,
  notRegular: -4,
  notDirectory: -5,
  wrongOwner: -6,
  wrongMode: -7,
  inodeChanged: -8,
  lockFailed: -9,
  notAbsolute: -21,
  quota: -22,
  expansion: -27,
  wrongUser: -29,
  creation: -34,
} as const;

/** A mailbox that cannot be delivered to now, in Exim's words. */
export class MailboxError extends Error {
  override readonly name = "MailboxError";
  readonly errno: number;
  /** Of a mailbox that is full: for so long nobody has read it. */
  readonly unreadForMs: number | undefined;

  constructor(errno: number, text: string, unreadForMs?: number) {
    super(text);
    this.errno = errno;
    this.unreadForMs = unreadForMs;
  }
}
