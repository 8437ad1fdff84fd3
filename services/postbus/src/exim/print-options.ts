import { ConfigError } from "@postbus/mail";
import type { readPolicy } from "@postbus/policy";
import { timeValue } from "./time-value.ts";

/** For those who may not see it: a value that is set with `hide`. */
const HIDDEN = "<value not displayable>";

/** Of any section or driver. */
interface AnyOptions {
  readonly settings: ReadonlyMap<string, { readonly value: unknown; readonly isHidden: boolean }>;
  readonly table: object;
}

/**
 * `-bP`: options of the main section, names of drivers, options of one driver, macros, as Exim prints them; without names,
 * every option of the main section.
 *
 * @returns the exit code: 1 if something is not known.
 * @throws {ConfigError} the configuration is wrong.
 */
export function printOptions(
  { configuration, faults }: ReturnType<typeof readPolicy>,
  names: readonly string[],
): number {
  if (configuration === undefined) throw new ConfigError(faults.join("\n"));
  const { main, routers, transports, authenticators, macros, acls } = configuration;
  const families: Readonly<Record<string, readonly { readonly name: string; readonly options: unknown }[]>> = {
    router: routers,
    transport: [...transports.values()],
    authenticator: authenticators,
  };
  const lines: string[] = [];
  let isKnown = true;
  const unknown = (name: string): void => {
    isKnown = false;
    lines.push(`${name} is not a known option`);
  };
  const mainOptions: AnyOptions = main;
  for (let i = 0; i < names.length; i++) {
    const word = names[i] ?? "";
    const [, noun = "", form] = /^(router|transport|authenticator)(s|_list)?$/.exec(word) ?? [];
    const family = families[noun] ?? [];
    if (form === "_list") lines.push(...family.map(({ name }) => name));
    else if (form === "s") lines.push(...family.flatMap(({ name, options }) => driverLines(noun, name, options)));
    else if (noun !== "") {
      const name = names[++i] ?? "";
      const found = family.find((driver) => driver.name === name);
      if (found === undefined) unknown(`${noun} ${name}`);
      else lines.push(...optionLines(found.options as AnyOptions));
    } else if (word === "macro") {
      const name = names[++i] ?? "";
      const value = macros.get(name);
      if (value === undefined) unknown(name);
      else lines.push(`${name}=${value}`);
    } else if (word === "macro_list" || word === "macros") {
      lines.push(...[...macros].map(([name, value]) => (word === "macros" ? `${name}=${value}` : name)));
    } else if (word === "acl_list") lines.push(...acls.keys());
    else if (Object.hasOwn(mainOptions.table, word)) lines.push(optionLine(mainOptions, word));
    else unknown(word);
  }
  if (names.length === 0) lines.push(...optionLines(mainOptions));
  process.stdout.write(lines.map((line) => `${line}\n`).join(""), "latin1");
  return isKnown ? 0 : 1;
}

const driverLines = (noun: string, name: string, options: unknown): readonly string[] => [
  "",
  `${name} ${noun}:`,
  ...optionLines(options as AnyOptions),
];

const optionLines = (options: AnyOptions): readonly string[] =>
  Object.keys(options.table).map((name) => optionLine(options, name));

function optionLine({ table, settings }: AnyOptions, name: string): string {
  const row = (table as Readonly<Record<string, { readonly type: string; readonly value: unknown } | undefined>>)[name];
  const setting = settings.get(name);
  if (setting?.isHidden === true) return `${name} = ${HIDDEN}`;
  const value: unknown = setting === undefined ? row?.value : setting.value;
  if (typeof value === "boolean") return value ? name : `no_${name}`;
  if (value === undefined && row?.type.startsWith("boolean") === true) return `no_${name}`;
  return `${name} = ${shown(value, row?.type ?? "string")}`;
}

function shown(value: unknown, type: string): string {
  if (typeof value === "number") return numberText(value, type);
  if (Array.isArray(value)) {
    return value.map((one) => shown(one, type === "time list" ? "time" : type)).join(type === "lines*" ? "\n" : ":");
  }
  return value === undefined ? "" : String(value);
}

function numberText(value: number, type: string): string {
  if (type.startsWith("time")) return timeValue(value);
  if (type === "octal") return value === 0 ? "0" : `0${value.toString(8)}`;
  if (type === "fixed") return value.toFixed(3);
  if (value !== 0 && value % 1024 ** 2 === 0) return `${value / 1024 ** 2}M`;
  if (value !== 0 && value % 1024 === 0) return `${value / 1024}K`;
  return String(value);
}
