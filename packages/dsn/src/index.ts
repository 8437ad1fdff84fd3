export type { BounceRecipient, Original } from "./bounce.ts";
export { composeBounce } from "./compose-bounce.ts";
export { HEADER_SECTION_MAX_OCTETS } from "./returned-message.ts";
