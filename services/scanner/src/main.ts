import { runService } from "@postbus/service-kit";
import { scanner } from "./service.ts";

await runService(scanner);
