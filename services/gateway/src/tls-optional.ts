import { fieldValue, type HeaderField, tlsRequiredField } from "@postbus/mail";

/**
 * Whether the sender wants the message to arrive rather than to be protected (RFC 8689 §3).
 *
 * @param note Told what is wrong with the field.
 */
export function isTlsOptional(header: Buffer, fields: readonly HeaderField[], note: (text: string) => void): boolean {
  const found = fields.filter(({ name }) => name === "tls-required");
  const said = tlsRequiredField(found.map((field) => fieldValue(header, field)));
  if (said === "invalid") note("TLS-Required: field ignored: it is not one, or does not say No");
  return said === "no";
}
