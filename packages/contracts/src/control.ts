import { type Static, Type } from "typebox";

/** To every service that has a policy, by `broadcast`: read it again. Whatever the body is, it is done. */
export const reloadSubject = "control.reload";

export const ReloadRequest = Type.Object(
  {
    v: Type.Literal(1),
    /** Comes back in the reports, so that who asks knows its own. */
    id: Type.String({ minLength: 1, maxLength: 100 }),
  },
  { additionalProperties: false },
);
export type ReloadRequest = Static<typeof ReloadRequest>;

/** What came of it, by `broadcast`, from each of those services; for who has asked. */
export const reloadedSubject = "control.reloaded";

export const ReloadReport = Type.Object(
  {
    v: Type.Literal(1),
    requestId: Type.String(),
    service: Type.String(),
    /** As in `FleetMember`. */
    instance: Type.String(),
    /** Hash of the policy that was in force, and of the one that now is. */
    before: Type.String(),
    policyVersion: Type.String(),
    /** Why the old policy stays; empty: the new one is in force. */
    problems: Type.Array(Type.String()),
  },
  { additionalProperties: false },
);
export type ReloadReport = Static<typeof ReloadReport>;
