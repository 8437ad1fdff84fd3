const two = (n: number): string => (n < 10 ? `0${n}` : `${n}`);

let lastSecond = -1;
let lastText = "";

/** `YYYY-MM-DD HH:MM:SS` in local time, as Exim's logs have it. A second's text is made once: events come in bursts. */
export function logTime(atMs: number): string {
  const second = Math.floor(atMs / 1_000);
  if (second !== lastSecond) {
    const at = new Date(second * 1_000);
    const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    lastText = `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
    lastSecond = second;
  }
  return lastText;
}
