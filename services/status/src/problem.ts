import { type Static, Type } from "typebox";

/** Every answer that is not the wanted one: `code` for programs, `message` for people. */
export const Problem = Type.Object({
  code: Type.String({ description: "Stable; upper case" }),
  message: Type.String(),
});
export type Problem = Static<typeof Problem>;

/** A request that cannot be served, with its answer. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly statusCode: number;
  readonly code: string;

  constructor(statusCode: number, code: string, message: string) {
    super(message);
    this.statusCode = statusCode;
    this.code = code;
  }
}

/** For `response` in a route's schema: what any route may answer besides its own. */
export const problems = { 400: Problem, 403: Problem, 500: Problem, 503: Problem };
