import { runService } from "@postbus/service-kit";
import { gateway } from "./service.ts";

await runService(gateway);
