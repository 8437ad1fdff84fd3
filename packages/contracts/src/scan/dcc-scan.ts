import { type Static, Type } from "typebox";
import { ScanServer } from "./scan-server.ts";

/** What dccifd is asked: is it bulk mail? */
export const DccTask = Type.Object(
  {
    engine: Type.Literal("dcc"),
    server: ScanServer,
    /** Its first line, as it is (`dccifd_options`). */
    options: Type.String(),
    /** The client's, as dccifd is to hear of it. */
    clientAddress: Type.String(),
    /** Its third line. */
    helo: Type.String(),
  },
  { additionalProperties: false },
);
export type DccTask = Static<typeof DccTask>;

/** What dccifd has said. */
export const DccVerdict = Type.Object(
  {
    engine: Type.Literal("dcc"),
    /** Its first line: `A` accept, `R` reject, `G` greylist, `S` some, `T` a temporary failure of its own; any text if it is not well. */
    overall: Type.String(),
    /** A letter for each recipient it was told of, in their order: `A`, `R`, `G`. */
    recipients: Type.String(),
    /** `X-DCC-…: …` on one line, without its end; empty: there is none. */
    header: Type.String(),
  },
  { additionalProperties: false },
);
export type DccVerdict = Static<typeof DccVerdict>;
