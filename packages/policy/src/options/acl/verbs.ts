/** The words that begin a statement (Exim's manual, "ACL verbs"). */
export const aclVerbs = ["accept", "defer", "deny", "discard", "drop", "require", "warn"] as const;

export type AclVerb = (typeof aclVerbs)[number];

/** The verbs after which `endpass` may stand. */
export const endpassVerbs: ReadonlySet<AclVerb> = new Set(["accept", "discard"]);
