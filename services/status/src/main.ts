import { runService } from "@postbus/service-kit";
import { status } from "./service.ts";

await runService(status);
