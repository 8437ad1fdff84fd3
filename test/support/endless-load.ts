import { type Submitted, submit } from "@postbus/testkit";

export interface EndlessLoad {
  /** Acknowledged so far, whole rounds. */
  readonly count: number;
  /** Lets the round end and resolves with everything that was sent. */
  finish(): Promise<readonly Submitted[]>;
}

export interface EndlessLoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly prefix: string;
  /** Messages a second; on a machine that is busy with restarts it becomes fewer by itself. */
  readonly rate: number;
  /** At least so many, however early `finish` is called. */
  readonly atLeast: number;
  readonly recipients?: (n: number) => readonly string[];
}

/** How long a round takes when nothing goes wrong. */
const ROUND_SECONDS = 3;

/** Clients that go on, round by round, until it is enough: what happens meanwhile takes as long as it takes. */
export function startLoad(options: EndlessLoadOptions): EndlessLoad {
  const { port, connections, prefix, rate, atLeast, recipients } = options;
  const to = recipients === undefined ? {} : { recipients };
  const submitted: Submitted[] = [];
  let isEnough = false;
  const run = async (): Promise<readonly Submitted[]> => {
    for (let round = 0; !isEnough || submitted.length < atLeast; round++) {
      const messages = Math.ceil(rate * ROUND_SECONDS);
      submitted.push(...(await submit({ port, connections, prefix: `${prefix}-${round}`, messages, rate, ...to })));
    }
    return submitted;
  };
  const running = run();
  running.catch(() => {}); // `finish` hands it on.
  return {
    get count() {
      return submitted.length;
    },
    finish() {
      isEnough = true;
      return running;
    },
  };
}
