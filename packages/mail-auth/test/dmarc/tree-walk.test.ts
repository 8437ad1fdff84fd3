import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, RecordType, Resolver } from "@postbus/dns";
import fc from "fast-check";
import { checkDmarc } from "../../src/dmarc/check-dmarc.ts";
import { queryAdapter } from "../../src/query-adapter.ts";

/*
 * RFC 9989 §4.10, written down again as it stands there, about generated trees: nobody else has it yet.
 */

type Policy = "none" | "quarantine" | "reject";
interface Tags {
  readonly p: Policy;
  readonly sp?: Policy;
  readonly np?: Policy;
  readonly psd?: "y" | "n" | "u";
  readonly t?: "y" | "n";
  readonly aspf?: "r" | "s";
  readonly adkim?: "r" | "s";
}
type Tree = ReadonlyMap<string, Tags>;

const parentsOf = (name: string): readonly string[] => name.split(".").map((_, n, labels) => labels.slice(n).join("."));

/** §4.10: the names that are asked, from the longest, up to the first that says whether it is a public suffix. */
function walk(name: string, tree: Tree): readonly string[] {
  const all = parentsOf(name);
  const asked = all.length < 8 ? all : [name, ...all.slice(-7)];
  const found = asked.filter((each) => tree.has(each));
  const last = found.findIndex((each) => ["y", "n"].includes(tree.get(each)?.psd ?? "u"));
  return last < 0 ? found : found.slice(0, last + 1);
}

/** §4.10.2 */
function organizationOf(name: string, tree: Tree): string {
  const found = walk(name, tree);
  const last = found.at(-1);
  if (last === undefined) return name;
  if (tree.get(last)?.psd !== "y" || last === name) return last;
  return parentsOf(name).at(-last.split(".").length - 1) ?? name;
}

const WEAKER: Readonly<Record<Policy, Policy>> = { reject: "quarantine", quarantine: "none", none: "none" };

interface Question {
  readonly author: string;
  readonly exists: boolean;
  readonly spf: string;
  readonly dkim: string;
  readonly tree: Tree;
}

/** §4.10.1, §5.3: result, policy, whose record, what is aligned. */
function expected({ author, exists, spf, dkim, tree }: Question): string {
  const organization = organizationOf(author, tree);
  const found = walk(author, tree);
  const suffix = found.find((name) => tree.get(name)?.psd === "y");
  // Below a public suffix of seven labels, the organization's own may have been jumped over: then nobody has seen it.
  const at = [author, organization, suffix].find((name) => name !== undefined && found.includes(name));
  const tags = at === undefined ? undefined : tree.get(at);
  if (at === undefined || tags === undefined) return "none - - -";
  const inherited = (!exists && tags.np) || tags.sp || tags.p;
  const policy = at === author ? tags.p : inherited;
  const isAligned = (name: string, how: "r" | "s" | undefined): boolean =>
    how === "s" ? name === author : organizationOf(name, tree) === organization;
  const aligned = [isAligned(spf, tags.aspf) ? "spf" : "", isAligned(dkim, tags.adkim) ? "dkim" : ""].filter(Boolean);
  const result = aligned.length > 0 ? "pass" : "fail";
  return [result, tags.t === "y" ? WEAKER[policy] : policy, at, aligned.join("+") || "-"].join(" ");
}

const EMPTY = { authenticated: false, ttlSeconds: 0 } as const;

function resolverOf({ author, exists, tree }: Question): Resolver {
  const texts = new Map([...tree].map(([name, tags]) => [`_dmarc.${name}`, recordOf(tags)]));
  const answer = (name: string, type: RecordType): Answer => {
    const text = texts.get(name);
    if (type === "TXT" && text !== undefined) return { state: "found", records: [[text]], name, ...EMPTY };
    return { state: name === author && exists ? "no data" : "no such name", ...EMPTY };
  };
  // The type of the answer is that of the question.
  return { resolve: async (name, type) => answer(name, type) as Answer<typeof type> };
}

const recordOf = ({ p, ...others }: Tags): string =>
  ["v=DMARC1", `p=${p}`, ...Object.entries(others).map(([name, value]) => `${name}=${value}`)].join("; ");

async function judged(question: Question): Promise<string> {
  const { author, spf, dkim } = question;
  const signature = { fact: { result: "pass", domain: dkim, selector: "s" }, describe: () => undefined } as const;
  const evidence = { from: [`ann@${author}`], spf: { result: "pass", domain: spf }, signatures: [signature] } as const;
  const { fact, detail } = await checkDmarc(evidence, queryAdapter(resolverOf(question), new AbortController().signal));
  const aligned = [detail.isSpfAligned ? "spf" : "", detail.isDkimAligned ? "dkim" : ""].filter(Boolean).join("+");
  return [fact.result, fact.policy ?? "-", detail.record?.domain ?? "-", aligned || "-"].join(" ");
}

const policy = fc.constantFrom<Policy>("none", "quarantine", "reject");
const tags: fc.Arbitrary<Tags> = fc.record(
  {
    p: policy,
    ...{ sp: policy, np: policy },
    psd: fc.constantFrom<"y" | "n" | "u">("y", "n", "u", "u"),
    t: fc.constantFrom<"y" | "n">("y", "n"),
    ...{ aspf: fc.constantFrom<"r" | "s">("r", "s"), adkim: fc.constantFrom<"r" | "s">("r", "s") },
  },
  { requiredKeys: ["p"] },
);

/** Names of one tree: up to twelve labels, that share as many as chance will have. */
const question: fc.Arbitrary<Question> = fc
  .tuple(
    fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 11 }),
    fc.array(fc.tuple(fc.nat(12), fc.array(fc.constantFrom("a", "c"), { maxLength: 3 })), {
      minLength: 2,
      maxLength: 2,
    }),
    fc.array(fc.tuple(fc.nat(2), fc.nat(12), tags), { maxLength: 6 }),
    fc.boolean(),
  )
  .map(([labels, others, records, exists]) => {
    const author = [...labels, "test"].join(".");
    const name = ([keep, below]: [number, string[]]): string =>
      [...below, ...author.split(".").slice(-1 - keep)].join(".");
    const [spf = author, dkim = author] = others.map(name);
    const places = [author, spf, dkim].map(parentsOf);
    const tree = new Map(
      records.map(([whose, at, each]) => {
        const all = places[whose] ?? [];
        return [all[at % all.length] ?? author, each];
      }),
    );
    return { author, exists: exists || tree.has(author), spf, dkim, tree };
  });

test("records, organizations and policies are found as the tree walk finds them, whatever the tree", async () => {
  const results = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(question, async (each) => {
      const want = expected(each);
      assert.equal(await judged(each), want, JSON.stringify({ ...each, tree: [...each.tree] }));
      const [result = ""] = want.split(" ");
      results.set(result, (results.get(result) ?? 0) + 1);
    }),
    { numRuns: Number(process.env["POSTBUS_TEST_MESSAGES"] ?? 2_000) },
  );
  assert.deepEqual([...results.keys()].sort(), ["fail", "none", "pass"]);
});
