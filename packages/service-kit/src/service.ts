import type { Bus } from "@postbus/bus";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Static, TObject } from "typebox";
import type { commonSettings } from "./common-settings.ts";

/** Something that was started and can be stopped. */
export interface Part {
  readonly name: string;
  /** Where a listener can be reached, `host:port` or `[host]:port`; shown in the ready line under the part's name (`smtp`, `http`). */
  readonly addresses?: readonly string[];
  /** Hash of the policy in force (`Policy.version`), for the fleet's overview; read again at every announcement. */
  readonly policyVersion?: string;
  /** Why it cannot do its work at present, though it tries: the process is then not ready. Read again at every question. */
  readonly problem?: string | undefined;
  /** Takes no new work, finishes or gives back what it has, lets go of what it holds. */
  stop(): Promise<void>;
}

export type ServiceName = "gateway" | "verifier" | "scanner" | "router" | "delivery" | "logger" | "status";

/** What a service gets from the process that runs it. */
export interface ServiceContext<S extends TObject<typeof commonSettings> = TObject<typeof commonSettings>> {
  readonly settings: Static<S>;
  readonly bus: Bus;
  readonly log: Logger;
  /** For `prom-client` metrics; names start with `postbus_<service>_`. */
  readonly metrics: Registry;
  /** Names this process in the fleet. */
  readonly instance: string;
}

/** One of the seven services. `runService` makes a process of it; the program runs all of them in one. */
export interface Service<S extends TObject<typeof commonSettings> = TObject<typeof commonSettings>> {
  readonly name: ServiceName;
  /** Settings of the process: `commonSettings` and its own. */
  readonly settings: S;
  /** What the schema cannot say: settings that do not go together. Asked before anything is opened. @throws {ConfigError} */
  check?(settings: Static<S>): void;
  /** Opens things in the order in which they depend on each other and returns them in that order. */
  start(context: ServiceContext<S>): Promise<readonly Part[]>;
}
