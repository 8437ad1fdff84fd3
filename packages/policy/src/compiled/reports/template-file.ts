import { open } from "node:fs/promises";
import { compileExpansion } from "../../expansion/compile-expansion.ts";
import { type ReportContext, reportExpansion } from "./report-context.ts";

/** Of a template; texts of this kind have some hundred octets. */
const MAX_OCTETS = 64 * 1024;

/** Texts of `bounce_message_file` or `warn_message_file`. */
interface TemplateTexts {
  readonly header: string;
  readonly opening: string;
  readonly closing: string;
}

/**
 * A file of texts with a line `****` between them, each of them expanded; read for each report, so that a change needs no
 * reload. Those behind the third have had no meaning since reports are MIME.
 *
 * @returns undefined: it is not set.
 */
export function compileTemplateFile(
  option: "bounce_message_file" | "warn_message_file",
  path: string | undefined,
): ((context: ReportContext) => Promise<TemplateTexts | undefined>) | undefined {
  if (path === undefined) return undefined;
  const expandedPath = reportExpansion(compileExpansion(path), option);
  return async (context) => {
    const name = await expandedPath(context);
    if (name === undefined || name === "") return undefined;
    let text: string;
    try {
      text = await readStart(name);
    } catch (err) {
      context.problems.push(`${option}: ${err instanceof Error ? err.message : String(err)}`);
      return undefined;
    }
    const [header = "", opening = "", closing = ""] = text.split(/^\*\*\*\*[ \t]*\r?\n/m);
    const expanded = async (item: string, position: number) =>
      (await reportExpansion(compileExpansion(item), `item ${position} of ${name}`)(context)) ?? "";
    return {
      header: await expanded(header, 1),
      opening: await expanded(opening, 2),
      closing: await expanded(closing, 3),
    };
  };
}

async function readStart(path: string): Promise<string> {
  await using file = await open(path, "r");
  const { bytesRead, buffer } = await file.read(Buffer.alloc(MAX_OCTETS), 0, MAX_OCTETS, 0);
  return buffer.toString("latin1", 0, bytesRead);
}
