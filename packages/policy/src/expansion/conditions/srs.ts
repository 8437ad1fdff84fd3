import { then } from "../code.ts";
import type { Condition } from "../condition.ts";
import { srsCheck, srsSecrets } from "../srs.ts";
import { both, withTwo } from "../subjects.ts";
import { derived, textOf } from "../value.ts";

/** `inbound_srs{local part}{secret}`: an SRS0 local part of ours, still valid; `$srs_recipient` is whom it leads to. */
export const inboundSrs: Condition = {
  name: "inbound_srs",
  compile: (parser) =>
    withTwo(both(parser, "inbound_srs"), (localPart, secret, evaluation) =>
      then(srsSecrets(textOf(secret), evaluation), (secrets) => {
        const checked = srsCheck(textOf(localPart), secrets, evaluation.around.now());
        if (checked === undefined) return false;
        evaluation.locals.set("srs_recipient", derived(localPart, checked.recipient));
        return checked.isRight;
      }),
    ),
};
