import nodemailer from "nodemailer";

export interface Filled {
  /** `<id> <recipient>` of everything that was acknowledged. */
  readonly acknowledged: readonly string[];
  /** The code and the text of the first refusal. */
  readonly refusal: string;
}

/** More than any disk of a test holds. */
const MAX_MESSAGES = 5_000;

/** Sends messages of 60 KB, one after the other, until one is refused. @throws {Error} if none is. */
export async function fillUp(smtpPort: number, prefix: string): Promise<Filled> {
  const acknowledged: string[] = [];
  for (let n = 0; n < MAX_MESSAGES; n++) {
    const id = `${prefix}-${n}`;
    const refusal = await sendOne(smtpPort, id);
    if (refusal !== undefined) return { acknowledged, refusal };
    acknowledged.push(`${id} user@sink.test`);
  }
  throw new Error(`${MAX_MESSAGES} messages were taken`);
}

/** @returns the refusal; undefined: 250. */
export async function sendOne(smtpPort: number, id: string): Promise<string | undefined> {
  const transport = nodemailer.createTransport({ host: "127.0.0.1", port: smtpPort, ignoreTLS: true });
  const headers = { "X-Load-Id": id };
  const text = `${"x".repeat(70)}\n`.repeat(850);
  try {
    await transport.sendMail({ from: "sender@load.test", to: "user@sink.test", subject: "fill", headers, text });
    return undefined;
  } catch (err) {
    if (err instanceof Error && "response" in err && typeof err.response === "string") return err.response;
    throw err;
  } finally {
    transport.close();
  }
}
