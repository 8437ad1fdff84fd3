import { readFile, stat } from "node:fs/promises";
import { parseArgs } from "node:util";
import { ConfigError, DeferError } from "@postbus/mail";
import { certificateDetails, fetchProof, type OcspProof, ownCertificate, validUntilMs } from "@postbus/tls";
import { RefusedError, UsageError } from "../command.ts";
import { replaceFile } from "../replace-file.ts";

const options = {
  cert: { type: "string", short: "c" },
  issuer: { type: "string", short: "i" },
  url: { type: "string", short: "u" },
  authorities: { type: "string", short: "a" },
  output: { type: "string", short: "o" },
  margin: { type: "string", short: "m", default: "10" },
  force: { type: "boolean", short: "f" },
  verbose: { type: "boolean", short: "v" },
} as const;

/**
 * `postbus ocsp-fetch`: asks the responder of a certificate's issuer for a proof that it is not revoked, and puts it into a
 * file for `tls_ocsp_file`. The file's time of change says when the next one is wanted: until then, nothing is done, so
 * that cron may call it often. Whatever goes wrong, the old file stays.
 *
 * @throws {ConfigError} a file cannot be used. @throws {DeferError} no answer now. @throws {RefusedError} not a good one.
 */
export async function ocspFetch(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options });
  const { cert, output, margin } = values;
  if (cert === undefined || output === undefined) throw new UsageError("ocsp-fetch wants --cert and --output");
  if (!/^\d{1,2}$/.test(margin)) throw new UsageError(`--margin: a percentage below 100 is expected, not "${margin}"`);
  const tell = (text: string): void => {
    if (values.verbose) process.stderr.write(`ocsp-fetch: ${text}\n`);
  };
  const dueMs = await modifiedMs(output);
  if (dueMs > Date.now() && !values.force) {
    tell(`${output} is fresh until ${new Date(dueMs).toISOString()}`);
    return 0;
  }
  const { leaf: certificate, issuer } = await certificateOf(cert, [values.issuer, values.authorities]);
  const url = values.url ?? certificateDetails(certificate).responders.find((one) => /^https?:/i.test(one));
  if (url === undefined) {
    // Authorities that have given up OCSP issue such; there is nothing to staple then.
    tell(`${cert} names no responder, and --url none either: there is no proof to be had`);
    return 0;
  }
  if (issuer === undefined) throw new ConfigError(`${cert}: its issuer is in none of the files: name it with --issuer`);
  const proof = await fetchProof({ certificate, issuer, url });
  if ("fault" in proof) {
    const text = `ocsp-fetch: ${url}: ${proof.text}`;
    throw proof.fault === "unreadable" ? new DeferError("ocsp", `${url}: ${proof.text}`) : new RefusedError(text);
  }
  warnOfSigner(proof);
  const nowMs = Date.now();
  const nextMs = validUntilMs(proof);
  const renewMs = nextMs - ((nextMs - nowMs) * Number(margin)) / 100;
  await replaceFile(output, proof.der, renewMs);
  tell(`${output} is good until ${new Date(nextMs).toISOString()}, the next is due ${new Date(renewMs).toISOString()}`);
  return 0;
}

/** The first certificate of a file, and who has issued it, from that file or another one. */
async function certificateOf(file: string, others: readonly (string | undefined)[]) {
  const named = [file, ...others].filter((one) => one !== undefined);
  const texts = await Promise.all(
    named.map(async (one) => {
      try {
        return await readFile(one);
      } catch (err) {
        throw new ConfigError(`${one}: cannot be read: ${err instanceof Error ? err.message : String(err)}`);
      }
    }),
  );
  try {
    return ownCertificate(file, Buffer.concat(texts.flatMap((text) => [text, Buffer.from("\n")])));
  } catch (err) {
    throw new ConfigError(`${file}: no certificate in PEM: ${err instanceof Error ? err.message : String(err)}`);
  }
}

/** 0: it is not there. */
async function modifiedMs(file: string): Promise<number> {
  try {
    return (await stat(file)).mtimeMs;
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return 0;
    throw err;
  }
}

/** Clients would refuse the proof from then on, though it is not old. */
function warnOfSigner({ signerExpiresAtMs = Infinity, nextUpdateMs }: OcspProof): void {
  if (signerExpiresAtMs >= nextUpdateMs) return;
  const end = new Date(signerExpiresAtMs).toISOString();
  process.stderr.write(`ocsp-fetch: the certificate of the proof's signer ends before the proof, at ${end}\n`);
}
