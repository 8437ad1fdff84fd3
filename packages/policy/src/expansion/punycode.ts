const BASE = 36;
const T_MIN = 1;
const T_MAX = 26;
const SKEW = 38;
const DAMP = 700;
const INITIAL_BIAS = 72;
const INITIAL_N = 128;
const DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789";
/** Encoding takes quadratic time; a label has 63 octets, a local part 64 (RFC 5321 §4.5.3.1.1), and some are longer. */
const MAX_LENGTH = 1000;

/** Bootstring with the parameters of RFC 3492 §5. */
export const punycode = { encode, decode };

function adapted(delta: number, points: number, isFirst: boolean): number {
  let rest = isFirst ? Math.floor(delta / DAMP) : delta >> 1;
  rest += Math.floor(rest / points);
  let k = 0;
  for (; rest > ((BASE - T_MIN) * T_MAX) >> 1; k += BASE) rest = Math.floor(rest / (BASE - T_MIN));
  return k + Math.floor(((BASE - T_MIN + 1) * rest) / (rest + SKEW));
}

const threshold = (k: number, bias: number): number => Math.min(T_MAX, Math.max(T_MIN, k - bias));

/** RFC 3492 §6.3. */
function encode(text: string): string {
  const points = Array.from(text.slice(0, MAX_LENGTH), (c) => c.codePointAt(0) ?? 0);
  let output = points
    .filter((point) => point < INITIAL_N)
    .map((point) => String.fromCharCode(point))
    .join("");
  const basic = output.length;
  if (basic > 0) output += "-";
  let [n, delta, bias, done] = [INITIAL_N, 0, INITIAL_BIAS, basic];
  while (done < points.length) {
    const next = Math.min(...points.filter((point) => point >= n));
    delta += (next - n) * (done + 1);
    n = next;
    for (const point of points) {
      if (point < n) delta++;
      if (point !== n) continue;
      let q = delta;
      for (let k = BASE; ; k += BASE) {
        const t = threshold(k, bias);
        if (q < t) break;
        output += DIGITS.charAt(t + ((q - t) % (BASE - t)));
        q = Math.floor((q - t) / (BASE - t));
      }
      output += DIGITS.charAt(q);
      bias = adapted(delta, done + 1, done === basic);
      delta = 0;
      done++;
    }
    delta++;
    n++;
  }
  return output;
}

/** RFC 3492 §6.2; undefined: it is not punycode. */
function decode(text: string): string | undefined {
  if (text.length > MAX_LENGTH || /[\x80-\xff]/.test(text)) return undefined;
  const dash = text.lastIndexOf("-");
  const points = Array.from(text.slice(0, Math.max(0, dash)), (c) => c.charCodeAt(0));
  let [n, i, bias, at] = [INITIAL_N, 0, INITIAL_BIAS, dash + 1];
  while (at < text.length) {
    const before = i;
    let weight = 1;
    for (let k = BASE; ; k += BASE) {
      const digit = DIGITS.indexOf(text.charAt(at++).toLowerCase());
      if (digit === -1 || at > text.length) return undefined;
      i += digit * weight;
      const t = threshold(k, bias);
      if (digit < t) break;
      weight *= BASE - t;
    }
    const length = points.length + 1;
    bias = adapted(i - before, length, before === 0);
    n += Math.floor(i / length);
    i %= length;
    if (n > 0x10ffff) return undefined;
    points.splice(i++, 0, n);
  }
  return String.fromCodePoint(...points);
}
