export { scanner } from "./service.ts";
