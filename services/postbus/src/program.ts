import manifest from "../package.json" with { type: "json" };
import { RefusedError, UsageError } from "./command.ts";
import { commands } from "./commands/index.ts";

/** sysexits.h */
const EX_USAGE = 64;
const EX_UNAVAILABLE = 69;

/**
 * `postbus COMMAND …`. Nothing is loaded that the command does not need.
 *
 * @param args The words behind the program's name.
 * @returns Exit code.
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  // A reader that goes away (`postbus queue | head`) is no error of ours, and must not end a running MTA.
  for (const output of [process.stdout, process.stderr]) {
    output.on("error", (err: NodeJS.ErrnoException) => {
      if (err.code !== "EPIPE") throw err;
    });
  }
  const [name = "help", ...rest] = args;
  try {
    if (name === "--version" || name === "-V") return show(`postbus ${manifest.version}\n`);
    if (name === "help" || name === "--help" || name === "-h") return show(await helpOn(rest[0]));
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) throw new UsageError(await unknownCommand(name));
    if (rest.includes("--help") || rest.includes("-h")) return show(await helpOn(name));
    return await (await command.load())(rest);
  } catch (err) {
    return report(err, name);
  }
}

function show(text: string): 0 {
  process.stdout.write(text);
  return 0;
}

const helpOn = async (name: string | undefined) => (await import("./help.ts")).help(name);

async function unknownCommand(name: string): Promise<string> {
  const { nearestName } = await import("@postbus/mail");
  const nearest = nearestName(name, Object.keys(commands));
  return `unknown command ${JSON.stringify(name)}${nearest === undefined ? "" : ` (did you mean ${nearest}?)`}`;
}

async function report(err: unknown, name: string): Promise<number> {
  if (isUsageError(err)) {
    process.stderr.write(`postbus: ${err.message}\n`);
    process.stderr.write(`postbus: see "postbus help${Object.hasOwn(commands, name) ? ` ${name}` : ""}"\n`);
    return EX_USAGE;
  }
  if (err instanceof RefusedError) {
    process.stderr.write(`postbus: ${err.message}\n`);
    return EX_UNAVAILABLE;
  }
  const { startFailure } = await import("@postbus/service-kit/exit-code");
  const failure = startFailure(err);
  for (const line of failure.lines) process.stderr.write(`postbus: ${line}\n`);
  if (failure.isBug && err instanceof Error) process.stderr.write(`${err.stack}\n`);
  return failure.exitCode;
}

/** Ours, or what `util.parseArgs` says of the words (`ERR_PARSE_ARGS_UNKNOWN_OPTION` and its kin). */
function isUsageError(err: unknown): err is Error {
  if (err instanceof UsageError) return true;
  return err instanceof TypeError && "code" in err && String(err.code).startsWith("ERR_PARSE_ARGS");
}
