import { ExpansionFailure } from "../failures.ts";
import type { PureOperator } from "../operator.ts";
import { punycode } from "../punycode.ts";

const toText = (octets: string): string => Buffer.from(octets, "latin1").toString("utf8");
const toOctets = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const isAscii = (text: string): boolean => !/[\x80-\uffff]/.test(text);

/** `${utf8_domain_to_alabel:bücher.example}` → `xn--bcher-kva.example` (RFC 5891). */
export const domainToAlabel: PureOperator = {
  name: "utf8_domain_to_alabel",
  apply(subject) {
    const text = toText(subject);
    if (text.includes("\ufffd")) throw notConverted("utf8", subject, "alabel", "string encoding error");
    return text
      .split(".")
      .map((label) => {
        if (isAscii(label)) return label;
        if (!U_LABEL.test(label)) {
          throw notConverted("utf8", subject, "alabel", "string contains a disallowed character");
        }
        return `xn--${punycode.encode(label.normalize("NFC"))}`;
      })
      .join(".");
  },
};

/** `${utf8_domain_from_alabel:xn--bcher-kva.example}` → `bücher.example`. */
export const domainFromAlabel: PureOperator = {
  name: "utf8_domain_from_alabel",
  apply(subject) {
    const labels = subject.split(".").map((label) => {
      if (!label.startsWith("xn--")) return label;
      const text = punycode.decode(label.slice(4));
      if (text === undefined) throw notConverted("alabel", subject, "utf8", "Invalid input");
      return toOctets(text);
    });
    return labels.join(".");
  },
};

/** RFC 5892 without the exceptions: letters (no capitals), marks, digits. */
const U_LABEL = /^[\p{Ll}\p{Lo}\p{Lm}\p{M}\p{Nd}-]+$/u;

/** `${utf8_localpart_to_alabel:…}`: punycode (RFC 3492) behind `xn--`, for systems without SMTPUTF8. */
export const localPartToAlabel: PureOperator = {
  name: "utf8_localpart_to_alabel",
  apply(subject) {
    if (isAscii(subject)) return subject;
    const text = toText(subject);
    if (text.includes("\ufffd")) throw notConverted("utf8", subject, "alabel", "string encoding error");
    return `xn--${punycode.encode(text)}`;
  },
};

/** `${utf8_localpart_from_alabel:xn--…}`. */
export const localPartFromAlabel: PureOperator = {
  name: "utf8_localpart_from_alabel",
  apply(subject) {
    if (!subject.startsWith("xn--")) throw notConverted("alabel", subject, "utf8", "bad alabel prefix");
    const text = punycode.decode(subject.slice(4));
    if (text === undefined) throw notConverted("alabel", subject, "utf8", "bad input");
    return toOctets(text);
  },
};

function notConverted(from: string, subject: string, to: string, why: string): ExpansionFailure {
  return new ExpansionFailure(`error converting ${from} (${subject}) to ${to}: ${why}`);
}
