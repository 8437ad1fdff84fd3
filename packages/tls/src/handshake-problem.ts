/** Why a handshake failed, in OpenSSL's words where they are its (`wrong version number`), for the log. */
export function handshakeProblem(err: unknown): string {
  if (!(err instanceof Error)) return String(err);
  if ("reason" in err && typeof err.reason === "string") return err.reason;
  return err.message;
}
