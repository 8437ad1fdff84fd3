import type { AclConditionName } from "../options/acl/conditions.ts";
import type { AclModifierName } from "../options/acl/modifiers.ts";
import type { AclVerb } from "../options/acl/verbs.ts";
import type { Place } from "./problem.ts";

/** A condition or modifier of a statement, its value as it stands in the file. */
export type AclItem =
  | {
      readonly kind: "condition";
      readonly name: AclConditionName;
      readonly isNegated: boolean;
      readonly value: string;
      readonly place: Place;
    }
  | {
      readonly kind: "modifier";
      readonly name: Exclude<AclModifierName, "set">;
      readonly value: string;
      readonly place: Place;
    }
  | {
      readonly kind: "modifier";
      readonly name: "set";
      /** `acl_m_foo`, `acl_c0`, `dkim_verify_status`. */
      readonly variable: string;
      readonly value: string;
      readonly place: Place;
    };

/** A verb with what follows it up to the next verb, in the order in which it is processed. */
export interface AclStatement {
  readonly verb: AclVerb;
  readonly place: Place;
  readonly items: readonly AclItem[];
}

export interface Acl {
  readonly name: string;
  readonly place: Place;
  readonly statements: readonly AclStatement[];
}
