export { policyFacts } from "./facts/policy-facts.ts";
export { TransactionFacts } from "./facts/transaction-facts.ts";
export { gateway } from "./service.ts";
