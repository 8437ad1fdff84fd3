import type { Evaluation } from "../expansion/evaluation.ts";
import { compileList } from "./compile-list.ts";
import type { Subject } from "./item.ts";
import type { ListKind } from "./list-kind.ts";
import type { Answer, Matched } from "./matched.ts";
import { splitList } from "./split-list.ts";

/** `domainlist NAME = …` and its relatives, read. */
export interface NamedListDefinition {
  readonly kind: ListKind;
  readonly name: string;
  /** Not expanded. */
  readonly text: string;
  /** `domainlist_cache`: answers are kept although the text has a `$`. */
  readonly isCacheForced?: boolean;
}

/** A named list, compiled. */
export interface NamedList extends NamedListDefinition {
  readonly problem: string | undefined;
  match(evaluation: Evaluation, subject: Subject): Answer;
}

/** The named lists of a policy. Each kind has its own names. */
export class NamedLists {
  readonly #lists: ReadonlyMap<ListKind, ReadonlyMap<string, NamedList>>;

  constructor(definitions: Iterable<NamedListDefinition> = []) {
    const lists = new Map<ListKind, Map<string, NamedList>>();
    for (const definition of definitions) {
      const ofKind = lists.get(definition.kind) ?? new Map<string, NamedList>();
      lists.set(definition.kind, ofKind.set(definition.name, compiled(definition)));
    }
    this.#lists = lists;
  }

  find(kind: ListKind, name: string): NamedList | undefined {
    return this.#lists.get(kind)?.get(name);
  }

  /** All of them, for warnings at load. */
  *all(): Generator<NamedList> {
    for (const ofKind of this.#lists.values()) yield* ofKind.values();
  }
}

function compiled(definition: NamedListDefinition): NamedList {
  const { kind, name, text } = definition;
  const list = compileList(kind, text);
  const isKept = definition.isCacheForced === true || (!text.includes("$") && !isCheap(kind, text));
  const key = `${kind} ${name}\0`;
  const match = (evaluation: Evaluation, subject: Subject): Answer => {
    evaluation.enter();
    try {
      const answer = isKept
        ? remembered(evaluation.listAnswers, key + subject.text, () => list.matchSubject(evaluation, subject))
        : list.matchSubject(evaluation, subject);
      if (!(answer instanceof Promise)) return answer;
      evaluation.enter();
      return answer.finally(() => evaluation.leave());
    } finally {
      evaluation.leave();
    }
  };
  return { ...definition, problem: list.problem, match };
}

/** To ask again is as good as to remember: no lookups, patterns, files, other lists, no DNS. */
function isCheap(kind: ListKind, text: string): boolean {
  if (kind !== "host" && !COSTLY.test(text)) return true;
  const items = [...splitList(text).items];
  const cheap = kind === "host" ? NETWORK : NO_MORE_THAN_TEXT;
  return items.length <= MAX_CHEAP && items.every((item) => cheap.test(item));
}

const COSTLY = /[;^/@+]/;
const NETWORK = /^!?[\t-\r ]*(?:\*|[0-9.]+(?:\/[0-9]+)?|[0-9a-f]*:[0-9a-f:.]*)$/i;
/** Or `@`: this host's name. */
const NO_MORE_THAN_TEXT = /^!?[\t-\r ]*(?:@|[^;^/@+]*)$/;
/** Items of which each one has to be looked at. */
const MAX_CHEAP = 8;

/** Bounds what one message can make us hold. */
const MAX_ANSWERS = 1_000;

function remembered(answers: Map<string, Matched | undefined>, key: string, ask: () => Answer): Answer {
  if (answers.has(key)) return answers.get(key);
  const keep = (answer: Matched | undefined): Matched | undefined => {
    if (answers.size >= MAX_ANSWERS) answers.clear();
    answers.set(key, answer);
    return answer;
  };
  const answer = ask();
  return answer instanceof Promise ? answer.then(keep) : keep(answer);
}
