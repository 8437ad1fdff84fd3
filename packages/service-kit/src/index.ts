export { commonSettings } from "./common-settings.ts";
export type { Part, Service, ServiceContext, ServiceName } from "./service.ts";
