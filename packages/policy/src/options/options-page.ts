import { aclConditions } from "./acl/conditions.ts";
import { aclControls } from "./acl/controls.ts";
import { aclModifiers } from "./acl/modifiers.ts";
import { type AllowedStages, aclStages } from "./acl/stage.ts";
import { aclVerifications } from "./acl/verifications.ts";
import { authenticatorOptions } from "./authenticators/generic.ts";
import { authenticatorDrivers } from "./authenticators/index.ts";
import type { DriverTable } from "./driver-table.ts";
import { mainOptions } from "./main/index.ts";
import type { Option, OptionStatus, OptionTable } from "./option.ts";
import { routerOptions } from "./routers/generic.ts";
import { routerDrivers } from "./routers/index.ts";
import { transportOptions } from "./transports/generic.ts";
import { transportDrivers } from "./transports/index.ts";

const HEAD = `# Options

Everything that can be set in a configuration, with its type and its default. A \`*\` behind a type: the value is expanded
when it is used. What an option does, Exim's manual says; what differs is in the last column.

- _gateway, router, delivery, scanner, logger_: the service that obeys the option; _everywhere_: more than one.
- _no meaning here_: taken, with one notice for all of them; it is about Exim's processes, files or accounts.
- _not available_: an error, unless it is set to nothing.

This page is written by \`postbus options\`.
`;

/** The reference of all options, in Markdown, made of the tables that the reader goes by. */
export function optionsPage(): string {
  const sections = [
    optionSection("## Main options", mainOptions),
    ...driverSections("Router", routerOptions, routerDrivers),
    ...driverSections("Transport", transportOptions, transportDrivers),
    ...driverSections("Authenticator", authenticatorOptions, authenticatorDrivers),
    stageSection("## ACL conditions", aclConditions),
    stageSection("## ACL modifiers", aclModifiers),
    stageSection("## `control =`", aclControls),
    stageSection("## `verify =`", aclVerifications),
  ];
  return `${HEAD}\n${sections.join("\n")}`;
}

function driverSections(
  noun: string,
  generic: OptionTable,
  kinds: Readonly<Record<string, DriverTable>>,
): readonly string[] {
  return [
    optionSection(`## ${noun}s: options of all kinds`, generic),
    ...Object.entries(kinds).map(([kind, { options, status }]) => {
      const title = `## ${noun} \`${kind}\``;
      if (status.kind !== "supported") return `${title}\n\n${capitalized(statusText(status))}.\n`;
      return Object.keys(options).length === 0 ? `${title}\n\nNo options of its own.\n` : optionSection(title, options);
    }),
  ];
}

function optionSection(title: string, table: OptionTable): string {
  const rows = Object.entries(table)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, option]) => [
      `\`${name}\``,
      typeText(option),
      defaultText(option),
      [statusText(option.status), option.note ?? ""].filter((text) => text !== "").join("; "),
    ]);
  return `${title}\n\n${markdownTable(["option", "type", "default", ""], rows)}`;
}

function stageSection(title: string, table: Readonly<Record<string, { readonly stages: AllowedStages }>>): string {
  const rows = Object.entries(table).map(([name, { stages }]) => [`\`${name}\``, stagesText(stages)]);
  return `${title}\n\n${markdownTable(["name", "where"], rows)}`;
}

function stagesText(stages: AllowedStages): string {
  if (stages === "all") return "everywhere";
  const others = aclStages.filter((stage) => !stages.has(stage));
  return others.length < stages.size ? `not in ${others.join(", ")}` : [...stages].join(", ");
}

function typeText({ type, status }: Option): string {
  return status.kind === "refused" ? "" : type.replace("lines*", "text*, repeatable").replace("acl*", "ACL*");
}

function statusText(status: OptionStatus): string {
  switch (status.kind) {
    case "supported":
      return status.reader;
    case "ignored":
      return "no meaning here";
    case "later":
      return `not available: ${status.what}`;
    case "refused":
      return `not available: ${status.reason}`;
    case "alias":
      return `the same as ${status.of.map((name) => `\`${name}\``).join(" and ")}`;
  }
}

function defaultText({ type, value, status }: Option): string {
  if (value === undefined || status.kind === "later" || status.kind === "refused") return "";
  if (typeof value === "boolean") return String(value);
  if (Array.isArray(value)) return value.map((one) => formatTime(one)).join(":");
  if (typeof value === "number") {
    if (type === "time" || type === "time*") return formatTime(value);
    if (type === "octal") return `0${value.toString(8)}`;
    return formatInteger(value);
  }
  return `\`${String(value).replaceAll("\n", "\\n").replaceAll("\t", "\\t")}\``;
}

function formatInteger(value: number): string {
  for (const [suffix, factor] of [
    ["M", 1024 ** 2],
    ["K", 1024],
  ] as const) {
    if (value > 0 && value % factor === 0) return `${value / factor}${suffix}`;
  }
  return String(value);
}

function formatTime(ms: number): string {
  let rest = ms;
  let text = "";
  for (const [unit, size] of [
    ["w", 604_800_000],
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1_000],
  ] as const) {
    if (rest >= size) text += `${Math.floor(rest / size)}${unit}`;
    rest %= size;
  }
  return text === "" ? "0s" : text;
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  return line(head) + line(head.map(() => "---")) + rows.map(line).join("");
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
