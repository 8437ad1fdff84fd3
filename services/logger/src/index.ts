export { logger } from "./service.ts";
