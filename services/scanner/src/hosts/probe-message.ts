import { ScannedMessage } from "../message/scanned-message.ts";

const HEADER = "From: postmaster@localhost\r\nTo: postmaster@localhost\r\nSubject: is anybody there?\r\n\r\n";
const CONTENT = {
  kind: "inline",
  octets: Buffer.from(`${HEADER}A question of the scanner itself.\r\n`, "latin1"),
} as const;

/** A message of our own on which no engine chokes that works. */
export const probeMessage: ScannedMessage = new ScannedMessage(
  {
    messageId: "probe",
    client: { address: "127.0.0.1", helo: "localhost" },
    returnPath: "",
    recipients: ["postmaster@localhost"],
    header: { text: HEADER, replaces: HEADER.length },
  },
  CONTENT,
  {
    // biome-ignore lint/correctness/useYield: nothing of it is in the spool
    async *read() {
      throw new Error("the probe is in memory");
    },
  },
);
