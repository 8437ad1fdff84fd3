import { runService } from "@postbus/service-kit";
import { router } from "./service.ts";

await runService(router);
