import type { Decided, DecisionStage, DecisionStep } from "@postbus/contracts";

const VERDICTS: Readonly<Record<DecisionStage["verdict"], string>> = {
  accept: "accepted",
  discard: "discarded",
  refuse: "refused",
  drop: "refused, connection closed",
};

/**
 * Why the policy has decided so, a line for each stage and each statement that was come by; `*` is in front of the
 * statement by which its ACL has decided.
 */
export function decidedLines({ stages, omittedStages = 0 }: Decided): string[] {
  const lines = stages.flatMap((stage) => [`  ${stageLine(stage)}`, ...stepLines(stage)]);
  if (omittedStages > 0) lines.push(`  and ${omittedStages} more recipients or parts`);
  return lines;
}

/** `rcpt bob@example.org: refused: 550 5.1.1 no such user (120 us)`. */
function stageLine({ stage, about, verdict, isTemporary, tookUs, reply, log }: DecisionStage): string {
  const what = about === undefined ? stage : `${stage} ${about}`;
  const how = `${isTemporary === true ? "temporarily " : ""}${VERDICTS[verdict]}`;
  const said = reply === undefined ? "" : `: ${reply}`;
  // Most log lines say what the client has been told.
  const why = log === undefined || reply?.includes(log) === true ? "" : ` [${log}]`;
  return `${what}: ${how}${said}${why} (${tookUs} us)`;
}

function* stepLines({ steps, omittedSteps = 0, verdict }: DecisionStage): Generator<string> {
  if (omittedSteps > 0) yield `      ${omittedSteps} statements left out`;
  for (const step of steps) yield stepLine(step);
  const hasDecided = steps.some(({ decides, depth }) => decides === true && depth === undefined);
  if (!hasDecided && verdict === "refuse") yield steps.length === 0 ? "    * no ACL" : "    * end of the ACL";
}

function stepLine({ acl, depth = 0, verb, at, checks, outcome, decides }: DecisionStep): string {
  const told = checks.map(({ name, value, said, note, waitedUs }) => {
    const written = value === undefined ? name : `${name} = ${value}`;
    const more = [note, waitedUs === undefined ? undefined : `waited ${waitedUs} us`].filter(
      (why) => why !== undefined,
    );
    return `${written} -> ${said}${more.length === 0 ? "" : ` (${more.join(", ")})`}`;
  });
  const indent = "  ".repeat(depth);
  return `    ${decides === true ? "*" : " "} ${indent}${at} ${acl}: ${verb}: ${[...told, outcome].join("; ")}`;
}
