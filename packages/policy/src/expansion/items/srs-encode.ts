import { then, withValues } from "../code.ts";
import type { Item } from "../parser.ts";
import { srsEncode, srsSecrets } from "../srs.ts";
import { Tainted, textOf } from "../value.ts";

/** `${srs_encode{secret}{return path}{domain}}`: a return path of ours that leads back to the one given. */
export const srsEncodeItem: Item = {
  name: "srs_encode",
  compile: (parser) =>
    withValues(parser.allArguments("srs_encode", 3, 3), ([secret = "", returnPath = "", domain = ""], evaluation) => {
      const isTainted = returnPath instanceof Tainted || domain instanceof Tainted;
      return then(srsSecrets(textOf(secret), evaluation), ([first = ""]) => {
        const text = srsEncode(first, textOf(returnPath), textOf(domain), evaluation.around.now());
        return isTainted ? new Tainted(text) : text;
      });
    }),
};
