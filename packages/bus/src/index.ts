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
export { connectNatsBus, openEmbeddedBus, provisionNats } from "./drivers.ts";
export type { EmbeddedBusOptions } from "./embedded/embedded-bus.ts";
export type { EventBatch, EventLog, FollowOptions } from "./event-log.ts";
export type { Entry, KeyValue } from "./key-value.ts";
export type { DurabilityOption } from "./nats/check-server.ts";
export type { NatsBusOptions } from "./nats/connect-nats-bus.ts";
export type { ProvisionReport } from "./nats/provision.ts";
export type { TopologyOptions } from "./nats/topology.ts";
export type { Question, RequestOptions, RequestReply } from "./request-reply.ts";
export type { Waiting, WaitingCounts, WaitingItem, WaitingState } from "./waiting.ts";
