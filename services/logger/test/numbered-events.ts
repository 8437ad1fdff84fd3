import { setImmediate } from "node:timers/promises";
import type { EventLog } from "@postbus/bus";
import type { MailEvent } from "@postbus/contracts";
import { derivedMessageId } from "@postbus/mail";

/** 2026-11-21T00:00:00Z */
const T0 = 1_795_219_200_000;

/** The same events for everybody who asks: a record that survives whoever reads it. Each third is a refusal. */
export function numberedEvent(number: number): MailEvent {
  const common = { v: 1 as const, id: `event-${number}`, atMs: T0 + number * 10, service: "test" };
  if (number % 3 === 2) {
    return {
      ...common,
      name: "smtp:reject",
      clientAddress: "192.0.2.66",
      text: `rejected RCPT <n${number}@x.test>: no`,
    };
  }
  const messageId = derivedMessageId(`message ${number - (number % 3)}`, T0);
  return { ...common, name: "msg:note", messageId, text: `number ${number}` };
}

/** Gives `total` events in batches of changing size, then waits. */
export function numberedEventLog(total: number): EventLog {
  return {
    record: () => Promise.reject(new Error("not here")),
    async follow({ after = "0" }, handler) {
      let next = Number(after);
      let isDrained = false;
      const run = async (): Promise<void> => {
        while (!isDrained && next < total) {
          const end = Math.min(total, next + 1 + ((next * 7) % 23));
          const events = Array.from({ length: end - next }, (_, i) => numberedEvent(next + i));
          try {
            await handler({ events, position: String(end), gap: false });
            next = end;
          } catch {
            await setImmediate(); // The interface: the same batch again.
          }
        }
      };
      const running = run();
      return {
        async drain() {
          isDrained = true;
          await running;
        },
      };
    },
  };
}
