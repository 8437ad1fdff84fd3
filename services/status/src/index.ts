export { status } from "./service.ts";
