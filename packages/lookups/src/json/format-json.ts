import type { JsonValue } from "./json-value.ts";

/** Significant digits that tell any two numbers of 64 bits apart. */
const DIGITS = 17;

/** The text of a value as jansson's `json_dumps` writes it: `{"a": [1, 2.5]}`. */
export function formatJson(value: JsonValue): string {
  if (typeof value === "string") return formatString(value);
  if (typeof value === "number") return formatReal(value);
  if (Array.isArray(value)) return `[${value.map(formatJson).join(", ")}]`;
  if (value instanceof Map) {
    return `{${[...value].map(([name, member]) => `${formatString(name)}: ${formatJson(member)}`).join(", ")}}`;
  }
  return String(value);
}

function formatString(octets: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
  return `"${octets.replace(/["\\\x00-\x1f]/g, escapeOctet)}"`;
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

function escapeOctet(octet: string): string {
  return SHORT_ESCAPES[octet] ?? `\\u${octet.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** C's `%.17g`, with `.0` where nothing else shows that it is no integer, and no `+` or zeros in the exponent. */
function formatReal(real: number): string {
  const sign = real < 0 || Object.is(real, -0) ? "-" : "";
  const [mantissa = "", exponentText = "0"] = Math.abs(real)
    .toExponential(DIGITS - 1)
    .split("e");
  const digits = mantissa.replace(".", "").replace(/0+$/, "");
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= DIGITS) {
    const fraction = digits.slice(1);
    return `${sign}${digits[0] ?? "0"}${fraction === "" ? "" : `.${fraction}`}e${exponent}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}
