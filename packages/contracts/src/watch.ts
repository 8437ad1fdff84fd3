import { isIP } from "node:net";
import { type Static, Type } from "typebox";

const closed = { additionalProperties: false };

/** To every gateway, by `broadcast`: somebody wants to see what clients and we say to each other. */
export const watchSubject = "control.watch";
/** What is said, from each gateway, to the one that has asked. */
export const watchedSubject = (id: string): string => `control.watched.${id}`;

/** A gateway forgets a watcher that has not asked again for so long: it is gone, and nobody reads. */
export const WATCH_LEASE_MS = 15_000;
/** How often a watcher asks again. */
export const WATCH_BEAT_MS = 5_000;

/** Which sessions are shown: those for which all of it holds. Parts of addresses are compared without regard to case. */
export const WatchFilter = Type.Object(
  {
    /** Networks of clients, `192.0.2.0/24`; one of them. */
    from: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 100 })),
    /** Part of what the client calls itself. */
    helo: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
    /** Part of a return path; `<>`: the null one. */
    sender: Type.Optional(Type.String({ minLength: 1, maxLength: 320 })),
    /** Part of a recipient's address, accepted or not. */
    recipient: Type.Optional(Type.String({ minLength: 1, maxLength: 320 })),
  },
  closed,
);
export type WatchFilter = Static<typeof WatchFilter>;

export const WatchRequest = Type.Object(
  {
    v: Type.Literal(1),
    id: Type.String({ pattern: "^[a-z0-9-]{1,64}$" }),
    filter: WatchFilter,
    /** So many sessions of each gateway. */
    sessions: Type.Optional(Type.Integer({ minimum: 1 })),
    /** That is the end of it. */
    over: Type.Optional(Type.Literal(true)),
  },
  closed,
);
export type WatchRequest = Static<typeof WatchRequest>;

/** A line of a session. Content of messages and what is said behind AUTH is not in it. */
export const WatchedLine = Type.Object(
  {
    atMs: Type.Integer(),
    /** Unique in the fleet while the connection lasts. */
    session: Type.String(),
    clientAddress: Type.String(),
    clientPort: Type.Integer(),
    /** `note`: what nobody has said. `end`: the connection is closed. */
    kind: Type.Enum(["client", "server", "note", "end"]),
    text: Type.String(),
  },
  closed,
);
export type WatchedLine = Static<typeof WatchedLine>;

export const WatchReport = Type.Object(
  {
    v: Type.Literal(1),
    /** As in `FleetMember`. */
    instance: Type.String(),
    lines: Type.Array(WatchedLine),
    /** Lines behind these for which there was no room: they came faster than they could be sent. */
    dropped: Type.Integer({ minimum: 0 }),
  },
  closed,
);
export type WatchReport = Static<typeof WatchReport>;

interface Network {
  readonly address: string;
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

/** @param text `192.0.2.0/24`, `2001:db8::/32`, or an address alone. @returns undefined: it is none. */
export function parseNetwork(text: string): Network | undefined {
  const [, address = "", digits] = /^([0-9a-f:.]+)(?:\/([0-9]{1,3}))?$/i.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0) return undefined;
  const most = version === 6 ? 128 : 32;
  const prefix = digits === undefined ? most : Number(digits);
  return prefix > most ? undefined : { address, prefix, family: version === 6 ? "ipv6" : "ipv4" };
}
