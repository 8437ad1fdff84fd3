import type { Finding } from "../lookup-type.ts";
import { type SqlRows, sqlData } from "./sql-rows.ts";

/** What a database says to a query. */
export type SqlAnswer =
  | ({ readonly kind: "rows" } & SqlRows)
  /** A statement without rows, and how many it changed; undefined: it is none of those that count. */
  | { readonly kind: "count"; readonly count: number | undefined };

/** The data of an answer as Exim gives it. What is no SELECT may have changed something. */
export function sqlFinding(answer: SqlAnswer): Finding | undefined {
  if (answer.kind === "count") return { data: answer.count?.toString(), isWrite: true };
  const data = sqlData(answer);
  return data === undefined ? undefined : { data };
}
