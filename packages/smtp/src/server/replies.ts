import { type Reply, reply } from "@postbus/mail";

/*
 * Replies that do not depend on anything, with Exim's words where Exim has the reply: scripts and people know them.
 * `replyFormat` keeps the octets of them.
 */

export const resetOk = reply(250, "2.0.0", "Reset OK");
export const ok = reply(250, "2.0.0", "OK");
export const senderOk = reply(250, "2.1.0", "OK");
export const recipientOk = reply(250, "2.1.5", "Accepted");
export const enterMessage: Reply = { code: 354, lines: ['Enter message, ending with "." on a line by itself'] };
export const tlsGoAhead = reply(220, "2.0.0", "TLS go ahead");
/** RFC 5321 §3.5.3: it says neither that the address is good nor that it is not. */
export const vrfyAnswer = reply(252, "2.5.0", "Administrative prohibition");
export const help = reply(
  214,
  "2.0.0",
  "Commands supported:",
  "STARTTLS HELO EHLO MAIL RCPT DATA BDAT NOOP QUIT RSET HELP VRFY",
);

export const synchronizationError = reply(554, "5.5.0", "SMTP synchronization error");
export const lineTooLong = reply(500, "5.5.2", "Line too long");
export const tooManyUnknownCommands = reply(500, "5.5.1", "Too many unrecognized commands");
export const tooManyNonmailCommands = reply(554, "5.5.1", "Too many nonmail commands");
export const xclientInTransaction = reply(503, "5.5.1", "XCLIENT is not permitted inside a transaction");
export const etrnArgument = reply(501, "5.5.4", "argument must begin with #");
export const etrnRefused = reply(458, "4.7.0", "Administrative prohibition");
export const expnRefused = reply(550, "5.7.0", "Administrative prohibition");
export const etrnInTransaction = reply(503, "5.5.1", "ETRN is not permitted inside a transaction");
export const unrecognizedCommand = reply(500, "5.5.1", "unrecognized command");
export const notImplemented = reply(502, "5.5.1", "command not implemented");
/** RFC 5321 §2.3.8: lines end with CRLF and with nothing else. */
export const bareLineFeed = reply(500, "5.5.2", "bare <LF> received: lines end with <CR><LF>");
export const nulCharacter = reply(501, "5.5.2", "NUL characters are not allowed in SMTP commands");
export const controlCharacter = reply(500, "5.5.2", "control characters are not allowed in SMTP commands");
export const bdatNotAdvertised = reply(503, "5.5.1", "BDAT command used when CHUNKING not advertised");

export const bdatSizeMissing = reply(501, "5.5.4", "missing size for BDAT command");
export const onlyBdat = reply(503, "5.5.1", "only BDAT permissible after non-LAST BDAT");
export const onlyReset = reply(503, "5.5.1", "only RSET accepted now");

export const heloRequired = reply(503, "5.5.1", "HELO or EHLO required");
export const senderAlreadyGiven = reply(503, "5.5.1", "sender already given");
export const senderNotYetGiven = reply(503, "5.5.1", "sender not yet given");
/** In a pipelined group, as Exim has it. */
export const noRecipientWith = {
  DATA: reply(503, "5.5.1", "Valid RCPT command must precede DATA"),
  BDAT: reply(503, "5.5.1", "Valid RCPT command must precede BDAT"),
} as const;
export const recipientMustPrecede = {
  DATA: reply(503, "5.5.1", "valid RCPT command must precede DATA"),
  BDAT: reply(503, "5.5.1", "valid RCPT command must precede BDAT"),
} as const;
export const allRecipientsRefused = "All RCPT commands were rejected with this error:";
export const startTlsNotAdvertised = reply(503, "5.5.1", "STARTTLS command used when not advertised");
export const authNotAdvertised = reply(503, "5.5.1", "AUTH command used when not advertised");
export const alreadyAuthenticated = reply(503, "5.5.1", "already authenticated");
export const authInTransaction = reply(503, "5.5.1", "not permitted in mail transaction");
export const unexpectedArgument = reply(501, "5.5.4", "unexpected argument data");
export const rcptOperandMissing = reply(501, "5.5.4", "RCPT must have an address operand");
export const tooManyRecipients = reply(452, "4.5.3", "too many recipients");
export const tooManyRecipientsForGood = reply(552, "5.5.3", "too many recipients");
export const messageForTooMany = reply(554, "5.5.3", "Too many recipients");

export const messageTooBig = reply(552, "5.3.4", "Message size exceeds maximum permitted");
export const headerTooLong = reply(552, "5.3.4", "Message header is ridiculously long");
export const headerLineTooLong = reply(552, "5.3.4", "A message header line is too long");
export const tooManyReceived = reply(550, "5.4.6", 'Too many "Received" headers - suspected mail loop');

export const endInDoubt = reply(421, "4.5.0", "the end of the message is in doubt - closing connection");

/** One refusal per `ContentDefect`. */
export const defects: Readonly<Record<"bare CR" | "bare LF" | "NUL", Reply>> = {
  "bare CR": reply(550, "5.5.2", "bare <CR> in message: lines end with <CR><LF> (RFC 5321 section 2.3.8)"),
  "bare LF": reply(550, "5.5.2", "bare <LF> in message: lines end with <CR><LF> (RFC 5321 section 2.3.8)"),
  NUL: reply(550, "5.6.0", "NUL octet in message (RFC 2045 section 2.8)"),
};
export const tooManyMessages = reply(421, "4.7.0", "too many messages in this connection");
/** In Exim's words, without a status code: no EHLO has offered any. */
export const proxyRequired: Reply = { code: 503, lines: ["Command refused, required Proxy negotiation failed"] };
export const tooManyCommands = reply(421, "4.7.0", "Too many commands without a message");
