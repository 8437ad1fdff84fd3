export { verifier } from "./service.ts";
