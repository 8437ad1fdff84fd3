import { readFileSync } from "node:fs";
import { LookupTable } from "@postbus/lookups";
import { compileExpansion } from "../../src/expansion/compile-expansion.ts";
import { createEvaluation } from "../../src/expansion/create-evaluation.ts";
import {
  type AclOutcome,
  defaultLanguageSettings,
  type Evaluation,
  type Surroundings,
} from "../../src/expansion/evaluation.ts";
import { textOf, type Value } from "../../src/expansion/value.ts";
import type { ListKind } from "../../src/matching/list-kind.ts";
import { NamedLists } from "../../src/matching/named-lists.ts";

const folder = `${import.meta.dirname}/examples`;
export const fixtures = `${folder}/fixtures`;

/** A text of the examples with the place of the fixtures put in. */
export const placed = (text: string): string => text.replaceAll("@FIX@", fixtures);

const namedLists = new NamedLists(
  [
    ...placed(readFileSync(`${folder}/examples.conf`, "latin1")).matchAll(
      /^(domain|host|address|localpart)list +(\w+) *= (.*)$/gm,
    ),
  ].map(([, kind = "", name = "", text = ""]) => ({ kind: kind as ListKind, name, text })),
);

/** The ACLs of examples.conf by hand: what an ACL engine makes of them is tested with it. */
const acls: Readonly<Record<string, { verdict: AclOutcome["verdict"]; message: string; set?: string }>> = {
  hello: { verdict: "accept", message: "hello $acl_arg1 ($acl_narg)" },
  refuse: { verdict: "deny", message: "refused $acl_arg1" },
  later: { verdict: "defer", message: "" },
  double: { verdict: "accept", message: "$acl_m_n", set: `\${eval:$acl_arg1*2}` },
};

/** Surroundings as those of Exim's tester with examples.conf. */
export function sampleEvaluation(
  given: Partial<Surroundings> = {},
  set: Readonly<Record<string, Value>> = {},
): Evaluation {
  const variables = new Map<string, Value>([["primary_hostname", "mail.shop.example"], ...Object.entries(set)]);
  return createEvaluation({
    variables: { get: (name) => variables.get(name) },
    lists: namedLists,
    lookups: new LookupTable({}),
    settings: {
      ...defaultLanguageSettings,
      primaryHostname: "mail.shop.example",
      localAddresses: ["127.0.0.1", "::1"],
    },
    now: Date.now,
    random: (below) => Math.floor(Math.random() * below),
    environment: { SITE_LABEL: "north" },
    async callAcl(name, evaluation) {
      const acl = acls[textOf(name)];
      if (acl === undefined) return { verdict: "error" };
      if (acl.set !== undefined) variables.set("acl_m_n", await compileExpansion(acl.set).run(evaluation));
      return { verdict: acl.verdict, message: await compileExpansion(acl.message).run(evaluation) };
    },
    ...given,
  });
}

/** What the macros of examples.conf stand for. */
const macros = [
  ["LONGNAME", "outer inner"],
  ["NAME", "inner"],
  ["COUNT", "two"],
] as const;

/** The result as Exim's tester prints it. */
export async function expandText(source: string, evaluation: Evaluation): Promise<string> {
  let text = source;
  for (const [name, value] of macros) text = text.replaceAll(name, value);
  return textOf(await compileExpansion(text).run(evaluation));
}
