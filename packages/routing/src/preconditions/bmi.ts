import { type BmiVerdict, splitList } from "@postbus/policy";
import type { Attempt } from "../attempt.ts";
import { type CompilePrecondition, type Precondition, skipped } from "./precondition.ts";

/** `bmi_rule`: one of these rules has fired for the recipient. */
export const bmiRule: CompilePrecondition = ({ generic }) => {
  const text = generic.get("bmi_rule");
  if (text === undefined) return undefined;
  const rules = new Set([...splitList(text).items].map(Number));
  return verdictTest("bmi_rule", (verdict) => verdict?.rules.some((rule) => rules.has(rule)) === true);
};

/** `bmi_dont_deliver`: the verdict is not to deliver. */
export const bmiDontDeliver: CompilePrecondition = ({ generic }) =>
  generic.get("bmi_dont_deliver")
    ? verdictTest("bmi_dont_deliver", (verdict) => verdict?.deliver === "none")
    : undefined;

/** `bmi_deliver_alternate`: the verdict is to deliver to another place. */
export const bmiDeliverAlternate: CompilePrecondition = ({ generic }) =>
  generic.get("bmi_deliver_alternate")
    ? verdictTest("bmi_deliver_alternate", (verdict) => verdict?.deliver === "alternate")
    : undefined;

/** `bmi_deliver_default`: neither of the two; also true when there is no verdict. */
export const bmiDeliverDefault: CompilePrecondition = ({ generic }) =>
  generic.get("bmi_deliver_default")
    ? verdictTest("bmi_deliver_default", (verdict) => (verdict?.deliver ?? "default") === "default")
    : undefined;

/** All that is made of a recipient has its verdict. */
function verdictTest(name: string, isMet: (verdict: BmiVerdict | undefined) => boolean): Precondition {
  return {
    name,
    test: ({ run, address }: Attempt) =>
      isMet(run.context.bmiVerdict?.(address.top.text)) ? undefined : skipped(name),
  };
}
