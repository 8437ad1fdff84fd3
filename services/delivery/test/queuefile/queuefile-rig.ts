import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Content, DeliveryItem } from "@postbus/contracts";
import type { QueuefileTransport } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";
import type { Spool } from "@postbus/spool";
import { deliverToQueuefile } from "../../src/queuefile/queuefile-delivery.ts";
import { deliveryItem, inline } from "../smtp/rig.ts";

export interface QueueOptions {
  readonly transport?: Partial<QueuefileTransport>;
  readonly recipients?: readonly string[];
  readonly content?: Content;
  readonly item?: Partial<DeliveryItem>;
  readonly id?: string;
  readonly isHeld?: boolean;
  readonly spool?: Pick<Spool, "read">;
}

const CONTENT = "Received: by mx\r\n\tid 1\r\nFrom: s@a.test\r\nSubject: x\r\n\r\nbody\r\n";
const NO_SPOOL: Pick<Spool, "read"> = {
  read: () => {
    throw new Error("nothing is spooled here");
  },
};

/** A directory that spool files are put into, removed at the end. */
export class QueueDirectory {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "postbus-queuefile-")));

  async put(options: QueueOptions = {}): Promise<readonly AttemptResult[]> {
    const { recipients = ["r@b.test"], content = inline(CONTENT), isHeld = true, spool = NO_SPOOL } = options;
    const { id = "1vMhGf-0000000012a-0Ab3_0_1" } = options;
    const work = { id, handedOut: 1, isHeld: () => isHeld, signal: new AbortController().signal };
    const transport: QueuefileTransport = {
      driver: "queuefile",
      name: "scan",
      hasShortNames: false,
      directory: () => this.root,
      ...options.transport,
    };
    const attempt = { work, item: deliveryItem(recipients, options.item), content };
    return (await deliverToQueuefile(attempt, transport, { spool })).results;
  }

  get files(): string[] {
    return readdirSync(this.root).sort();
  }

  read(name: string): string {
    return readFileSync(join(this.root, name), "latin1");
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
