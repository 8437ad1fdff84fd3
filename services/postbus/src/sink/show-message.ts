import { printable } from "../printable.ts";
import type { ReceivedContent } from "./receive-message.ts";

export interface Received extends ReceivedContent {
  readonly returnPath: string;
  readonly recipients: readonly string[];
}

export type View = "line" | "whole" | "json";

/** A message on standard output. What a peer chose is freed of control characters: it goes to a terminal. */
export function showMessage(message: Received, view: View): void {
  process.stdout.write(
    view === "json" ? asJson(message) : view === "whole" ? asWhole(message) : `${asLine(message)}\n`,
  );
}

function asLine({ returnPath, recipients, size, subject, file }: Received): string {
  const words = [`<${returnPath}> → ${recipients.map((address) => `<${address}>`).join(" ")}`, `${size} octets`];
  if (subject !== undefined) words.push(JSON.stringify(subject));
  if (file !== undefined) words.push(file);
  return printable(words.join(", "));
}

function asWhole(message: Received): string {
  const octets = message.octets ?? Buffer.alloc(0);
  return `── ${asLine(message)}\n${octets.toString().replaceAll("\r\n", "\n").split("\n").map(printable).join("\n")}\n`;
}

function asJson({ returnPath, recipients, size, subject, file }: Received): string {
  return `${JSON.stringify({ returnPath, recipients, size, subject, file })}\n`;
}
