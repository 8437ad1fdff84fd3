/** The names of RFC 2474, RFC 2597, RFC 3246 and of IP precedence, and what they stand for. */
const NAMES: Readonly<Record<string, number>> = {
  __proto__: null as never,
  af11: 10,
  af12: 12,
  af13: 14,
  af21: 18,
  af22: 20,
  af23: 22,
  af31: 26,
  af32: 28,
  af33: 30,
  af41: 34,
  af42: 36,
  af43: 38,
  cs0: 0,
  cs1: 8,
  cs2: 16,
  cs3: 24,
  cs4: 32,
  cs5: 40,
  cs6: 48,
  cs7: 56,
  ef: 46,
  lowdelay: 4,
  throughput: 2,
  reliability: 1,
};

/** `dscp`: a name, or a number up to 63; undefined: it is neither. */
export function dscpOf(text: string): number | undefined {
  const value =
    NAMES[text.toLowerCase()] ?? (/^(?:0x[0-9a-f]{1,2}|[0-9]{1,2})$/i.test(text) ? Number(text) : undefined);
  return value === undefined || value > 63 ? undefined : value;
}
