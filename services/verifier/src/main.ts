import { runService } from "@postbus/service-kit";
import { verifier } from "./service.ts";

await runService(verifier);
