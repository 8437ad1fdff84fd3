import { runService } from "@postbus/service-kit";
import { logger } from "./service.ts";

await runService(logger);
