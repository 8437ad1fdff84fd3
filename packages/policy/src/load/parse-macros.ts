import { ConfigError } from "@postbus/mail";

/** `NAME=value`, one a line, as `POSTBUS_MACROS` has them; blank lines are skipped. @throws {ConfigError} */
export function parseMacros(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return new Map(
    lines.map((line) => {
      const at = line.indexOf("=");
      if (at < 0) throw new ConfigError(`POSTBUS_MACROS: ${JSON.stringify(line.trim())} is not NAME=value`);
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}
