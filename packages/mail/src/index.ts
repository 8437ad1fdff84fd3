export { domainOf, localPartOf } from "./address.ts";
export { ConfigError } from "./config-error.ts";
export { DeferError } from "./defer-error.ts";
export { derivedMessageId, MessageIdGenerator, messageIdPattern, messageIdTimeMs } from "./message-id.ts";
export { type EnhancedStatus, formatReply, isPermanent, isTransient, type Reply, reply } from "./reply.ts";
