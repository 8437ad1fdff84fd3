import { createHmac } from "node:crypto";
import { withValues, work } from "../code.ts";
import { ExpansionFailure } from "../failures.ts";
import type { Item } from "../parser.ts";
import { derived, textOf } from "../value.ts";

/** `${hmac{md5}{secret}{text}}` or `sha1` (RFC 2104), in lower-case hex. */
export const hmac: Item = {
  name: "hmac",
  compile: (parser) =>
    withValues(parser.allArguments("hmac", 3, 3), ([algorithm = "", secret = "", text = ""], evaluation) => {
      const name = textOf(algorithm);
      if (name !== "md5" && name !== "sha1") throw new ExpansionFailure(`hmac algorithm "${name}" is not recognised`);
      work(evaluation, textOf(text));
      const mac = createHmac(name, Buffer.from(textOf(secret), "latin1")).update(textOf(text), "latin1");
      return derived(text, mac.digest("hex"));
    }),
};
