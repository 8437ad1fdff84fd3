import { compileExpansion } from "../../../expansion/compile-expansion.ts";
import type { Evaluation } from "../../../expansion/evaluation.ts";
import type { Expansion } from "../../../expansion/expansion.ts";
import { Tainted, textOf, type Value } from "../../../expansion/value.ts";
import { splitList } from "../../../matching/split-list.ts";
import type { transportOptions } from "../../../options/transports/generic.ts";
import type { pipeTransport } from "../../../options/transports/pipe.ts";
import type { OptionSet } from "../../../reader/option-set.ts";
import type { DeliveryPlace } from "../local/delivery-place.ts";
import { deferredBy, expandOption, failedBy, type Refusal } from "../local/refusal.ts";
import type { SiteNames } from "../local/site-names.ts";
import { type CommandLine, CommandOption, commandWords, ShellCommandOption } from "./command-line.ts";
import { pipeEnvironment } from "./pipe-environment.ts";
import type { PipeOrder, PipeRequest } from "./pipe-transport.ts";

interface OrderParts {
  readonly name: string;
  readonly options: Pick<OptionSet<typeof transportOptions & (typeof pipeTransport)["options"]>, "get">;
  readonly names: SiteNames;
}

/** What stands before a message unless the option says otherwise (Exim's manual, `message_prefix` of pipe). */
const FROM_LINE = "From ${if def:return_path{$return_path}{MAILER-DAEMON}} ${tod_bsdinbox}\n";

/** With the command of a redirect list as trusted as that was. */
type KnownRequest = Pick<PipeRequest, "addresses" | "host"> & { readonly pipe: Value | undefined };

/** Makes the orders for one transport's programs: expands what has to be expanded, and sees to what may be run. */
export class PipeOrders {
  readonly #parts: OrderParts;
  readonly #command: { readonly text: string; readonly option: CommandOption | ShellCommandOption } | undefined;
  readonly #allowed: Expansion | undefined;
  readonly #environment: Expansion | undefined;
  readonly #path: Expansion;
  readonly #prefix: Expansion;
  readonly #suffix: Expansion;

  constructor(parts: OrderParts) {
    const { options, name } = parts;
    this.#parts = parts;
    const text = options.get("command");
    if (text !== undefined && text !== "") {
      const Option = options.get("use_shell") ? ShellCommandOption : CommandOption;
      this.#command = { text, option: new Option(text, `${name} transport`) };
    }
    const [allowed, environment] = [options.get("allow_commands"), options.get("environment")];
    this.#allowed = allowed === undefined ? undefined : compileExpansion(allowed);
    this.#environment = environment === undefined ? undefined : compileExpansion(environment);
    this.#path = compileExpansion(options.get("path"));
    const isBatched = options.get("use_bsmtp");
    this.#prefix = compileExpansion(options.get("message_prefix") ?? (isBatched ? "" : FROM_LINE));
    this.#suffix = compileExpansion(options.get("message_suffix") ?? (isBatched ? "" : "\n"));
  }

  async order(request: KnownRequest, place: DeliveryPlace, evaluation: Evaluation): Promise<PipeOrder | Refusal> {
    const line = await this.#line(request, evaluation);
    if (line.kind === "refused") return line;
    const [program = "", ...more] = line.words;
    if (program === "") return deferredBy(`no command specified for ${this.#parts.name} transport`);
    const refusal = this.#parts.options.get("use_shell") ? undefined : await this.#permission(program, evaluation);
    if (refusal !== undefined) return refusal;
    const path = await expandOption(this.#path, evaluation);
    // What cannot be expanded is taken as it stands, as by Exim: nothing will be found there.
    const pathText = path.kind === "value" ? textOf(path.value) : this.#path.source;
    const settings = await this.#text(this.#environment, evaluation);
    if (typeof settings === "object") return settings;
    const environment = pipeEnvironment({
      variables: evaluation.around.variables,
      recipients: request.addresses.length,
      path: pathText,
      home: place.home,
      host: request.host,
      names: this.#parts.names,
      settings: [...splitList(settings).items],
    });
    const prefix = await this.#affix("prefix", this.#prefix, evaluation);
    if (typeof prefix === "object") return prefix;
    const suffix = await this.#affix("suffix", this.#suffix, evaluation);
    if (typeof suffix === "object") return suffix;
    const command = request.pipe === undefined || this.#isForced ? (this.#command?.text ?? "") : textOf(request.pipe);
    const searchPath = pathText.split(":").filter((directory) => directory !== "");
    return { kind: "order", words: [program, ...more], command, searchPath, environment, prefix, suffix, place };
  }

  get #isForced(): boolean {
    return this.#parts.options.get("force_command");
  }

  /** A command that a redirect list names is not expanded: users write those. */
  async #line({ pipe, addresses }: KnownRequest, evaluation: Evaluation): Promise<CommandLine | Refusal> {
    if (pipe !== undefined && !this.#isForced) {
      if (pipe instanceof Tainted) {
        return deferredBy(`Tainted '${pipe.text}' (command for ${this.#parts.name} transport) not permitted`);
      }
      const text = pipe.trimStart();
      const isForShell = this.#parts.options.get("use_shell") && text !== "";
      return { kind: "command", words: isForShell ? ["/bin/sh", "-c", text] : commandWords(text) };
    }
    if (this.#command === undefined) return { kind: "command", words: [] };
    return this.#command.option.at(evaluation, { addresses, pipe });
  }

  /** `allow_commands` and `restrict_to_path`. */
  async #permission(program: string, evaluation: Evaluation): Promise<Refusal | undefined> {
    const { name, options } = this.#parts;
    const isRestricted = options.get("restrict_to_path");
    if (this.#allowed !== undefined) {
      const list = await this.#text(this.#allowed, evaluation);
      if (typeof list === "object") return list;
      for (const item of splitList(list).items) if (item === program) return undefined;
      if (!isRestricted) return failedBy(`"${program}" command not permitted by ${name} transport`);
    }
    if (!isRestricted || !program.includes("/")) return undefined;
    return failedBy(`"/" found in "${program}" (command for ${name} transport) - failed for security reasons`);
  }

  async #text(expansion: Expansion | undefined, evaluation: Evaluation): Promise<string | Refusal> {
    if (expansion === undefined) return "";
    const found = await expandOption(expansion, evaluation);
    if (found.kind === "value") return textOf(found.value);
    const what = `failed to expand string "${expansion.source}" for ${this.#parts.name} transport`;
    return deferredBy(`${what}: ${found.text}`);
  }

  async #affix(noun: string, expansion: Expansion, evaluation: Evaluation): Promise<string | Refusal> {
    const found = await expandOption(expansion, evaluation);
    if (found.kind === "value") return textOf(found.value);
    const what = `Expansion of "${expansion.source}" (${noun} for ${this.#parts.name} transport) failed`;
    return deferredBy(`${what}: ${found.text}`);
  }
}
