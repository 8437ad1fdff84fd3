export { policyFacts } from "./facts/policy-facts.ts";
export { TransactionFacts } from "./facts/transaction-facts.ts";
export { whyNoDmarc } from "./facts/why-no-dmarc.ts";
export { mendHeader } from "./mend-header.ts";
export { type RewritingPolicy, rewriteArgument, rewriteEnvelope } from "./rewriting.ts";
export { gateway } from "./service.ts";
export { type Unwanted, withoutUnwanted } from "./trace/unwanted-fields.ts";
