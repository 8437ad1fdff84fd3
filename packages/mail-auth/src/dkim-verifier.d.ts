/** What `dkimVerify` of the library writes a message to; the library has no types for it. */
declare module "mailauth/lib/dkim/dkim-verifier.js" {
  import { Writable } from "node:stream";
  import type { DKIMVerifyOptions, DKIMVerifyResult } from "mailauth";

  export class DkimVerifier extends Writable {
    constructor(options: DKIMVerifyOptions);
    /** When it is finished. */
    readonly results: DKIMVerifyResult["results"];
  }
}
