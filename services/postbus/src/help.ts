import { readFileSync } from "node:fs";
import { UsageError } from "./command.ts";
import { commands } from "./commands/index.ts";

/** What `postbus help [COMMAND]` shows. @throws {UsageError} if there is no such command. */
export function help(name: string | undefined): string {
  return name === undefined ? overview() : detail(name);
}

function overview(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  postbus ${name.padEnd(width)}  ${summary}`);
  return [
    "Postbus, a mail transfer agent.",
    "",
    ...lines,
    "",
    '"postbus help COMMAND" shows its options, "postbus --version" the version.',
    "",
  ].join("\n");
}

function detail(name: string): string {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw new UsageError(`unknown command ${JSON.stringify(name)}`);
  const head = `postbus ${name} ${command.synopsis}\n\n${command.summary}\n\n`;
  return head + readFileSync(new URL(`./help/${name}.txt`, import.meta.url), "utf8");
}
