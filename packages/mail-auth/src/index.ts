export { checkMessage, type MessageCheckOptions, type MessageFacts, unchecked } from "./check-message.ts";
export { type CheckOptions, checkSpf, type SpfQuestion } from "./check-spf.ts";
export { preload } from "./mailauth-library.ts";
export { needsMuchWork } from "./needs-much-work.ts";
export type { ArcSealer } from "./signing/arc-sealer.ts";
export type { DkimSigner } from "./signing/dkim-signer.ts";
export { type Signed, type Signing, signMessage } from "./signing/sign-message.ts";
export { readSigningKey, type SigningKey } from "./signing/signing-key.ts";
