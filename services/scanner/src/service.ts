import { type ScanAnswer, ScanRequest, scanSubject } from "@postbus/contracts";
import { commonSettings, type Service } from "@postbus/service-kit";
import { Type } from "typebox";
import { Compile } from "typebox/compile";

const settings = Type.Object({ ...commonSettings });
const requests = Compile(ScanRequest);

/** Questions at one time; each is answered at once. */
const CONCURRENCY = 128;

/** What is in it? There is no engine yet, and it says so: silence could be taken for "clean". */
export const scanner: Service<typeof settings> = {
  name: "scanner",
  settings,
  async start({ bus, log }) {
    const questions = await bus.serve(scanSubject, { concurrency: CONCURRENCY }, async ({ body }) => scan(body));
    log.info("no scanning engine is configured");
    return [{ name: scanSubject, stop: () => questions.drain() }];
  },
};

/** `scan.content`: question in, answer out. */
export function scan(body: unknown): ScanAnswer {
  if (!requests.Check(body)) throw new Error("scan.content: the question does not fit its contract");
  return { v: 1, state: "no engine configured" };
}
