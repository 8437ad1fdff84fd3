export { domainOf, hasDomain, localPartOf } from "./address.ts";
export { asciiDomain } from "./ascii-domain.ts";
export { trim, trimEnd, trimStart } from "./blanks.ts";
export { BodyGlance } from "./body-glance.ts";
export { ConfigError } from "./config-error.ts";
export { DeferError } from "./defer-error.ts";
export { fewAtATime } from "./few-at-a-time.ts";
export {
  fieldValue,
  type HeaderField,
  headerFields,
  headerSectionEnd,
  isBlank,
  isNameOctet,
} from "./header-section.ts";
export { mailDate } from "./mail-date.ts";
export { derivedMessageId, MessageIdGenerator, messageIdPattern, messageIdTimeMs } from "./message-id.ts";
export { bodyDecoder } from "./mime/body-decoder.ts";
export { bodyLines } from "./mime/body-lines.ts";
export { LineCursor, type OctetSource } from "./mime/line-cursor.ts";
export { type MimePart, TooManyPartsError, walkParts } from "./mime/walk-parts.ts";
export { nearestName } from "./nearest-name.ts";
export { isAddressLiteral, isDomain, NOT_ASCII, type ParsedPath, type PathLeniency, parsePath } from "./path.ts";
export { type EnhancedStatus, formatReply, isPermanent, isTransient, type Reply, reply } from "./reply.ts";
export { resultComment } from "./result-comment.ts";
export { resultValue } from "./result-value.ts";
export { isThisHost } from "./this-host.ts";
export { tlsRequiredField } from "./tls-required-field.ts";
export { decodeXtext, encodeXtext, isXtext } from "./xtext.ts";
