import { runService } from "@postbus/service-kit";
import { delivery } from "./service.ts";

await runService(delivery);
