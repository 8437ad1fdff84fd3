export { ownThread } from "./own-thread.ts";
export { verifier } from "./service.ts";
