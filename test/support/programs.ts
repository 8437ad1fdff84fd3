import type { TestContext } from "node:test";
import { program } from "@postbus/testkit";

/** The program's path; without it the test is skipped, and says what is missing. */
export function needs(t: TestContext, name: string): string | undefined {
  const path = program(name);
  if (path === undefined) t.skip(`SKIPPED: ${name} is not on this machine; packages/testkit/fetch-servers.sh gets it`);
  return path;
}
