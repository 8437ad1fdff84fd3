import { addressPath } from "./address-path.ts";
import { clientHello } from "./client-hello.ts";
import type { FuzzTarget } from "./fuzz-target.ts";
import { proxyHeader } from "./proxy-header.ts";
import { chunkSessions, commandSessions } from "./sessions.ts";

/** All that reads what strangers send, before anybody knows who they are. */
export const targets: readonly FuzzTarget[] = [addressPath, proxyHeader, clientHello, chunkSessions, commandSessions];
