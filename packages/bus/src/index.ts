export type {
  Bus,
  BusHealth,
  ConsumeOptions,
  Handler,
  Outcome,
  Publication,
  Queue,
  Subscription,
  WorkItem,
} from "./bus.ts";
export { MAX_HANDLER_FAILURES } from "./bus.ts";
export { BusFullError, BusUnavailableError } from "./bus-error.ts";
export { type EmbeddedBusOptions, openEmbeddedBus } from "./embedded/embedded-bus.ts";
export type { EventBatch, EventLog, FollowOptions } from "./event-log.ts";
export type { Entry, KeyValue } from "./key-value.ts";
export type { DurabilityOption } from "./nats/check-server.ts";
export { connectNatsBus, type NatsBusOptions } from "./nats/connect-nats-bus.ts";
export { type ProvisionReport, provisionNats } from "./nats/provision.ts";
export type { TopologyOptions } from "./nats/topology.ts";
export type { Question, RequestOptions, RequestReply } from "./request-reply.ts";
export type { Waiting, WaitingCounts, WaitingItem, WaitingState } from "./waiting.ts";
