import { appendfileTransport } from "./appendfile.ts";
import { autoreplyTransport } from "./autoreply.ts";
import { lmtpTransport } from "./lmtp.ts";
import { pipeTransport } from "./pipe.ts";
import { queuefileTransport } from "./queuefile.ts";
import { smtpTransport } from "./smtp.ts";

/** The kinds of transports, by the value of `driver`. Adding one = a file, a line here. */
export const transportDrivers = {
  appendfile: appendfileTransport,
  autoreply: autoreplyTransport,
  lmtp: lmtpTransport,
  pipe: pipeTransport,
  queuefile: queuefileTransport,
  smtp: smtpTransport,
};
