import { ConfigError } from "@postbus/mail";
import { Acls } from "./acl/acls.ts";
import { dkimLimits } from "./acl/dkim/dkim-limits.ts";
import { AclSession } from "./acl/session.ts";
import { sessionNames } from "./acl/session-names.ts";
import { admissionTests } from "./acl/smtp/admission-tests.ts";
import { proxyTest } from "./acl/smtp/proxy-hosts.ts";
import { SmtpAcls } from "./acl/smtp/smtp-acls.ts";
import { smtpParts } from "./acl/smtp/smtp-parts.ts";
import { authservIds } from "./compiled/authserv-ids.ts";
import { checkLocalDeliveries, type DeliveryAbilities } from "./compiled/check-local-deliveries.ts";
import { contentTest } from "./compiled/content-test.ts";
import { dmarcPolicy } from "./compiled/dmarc-policy.ts";
import { expressionNotices } from "./compiled/expression-notices.ts";
import { logPolicy } from "./compiled/log-policy.ts";
import { policyNotices } from "./compiled/policy-notices.ts";
import { queueOnly } from "./compiled/queue-only.ts";
import { queueRules } from "./compiled/queue-rules.ts";
import { compileReportPolicy } from "./compiled/reports/report-policy.ts";
import { compileRetryRules } from "./compiled/retry-rules.ts";
import { smtpPolicy } from "./compiled/smtp-policy.ts";
import { tlsPolicy } from "./compiled/tls-policy.ts";
import { compileTransports } from "./compiled/transports/index.ts";
import { wantedFacts } from "./compiled/wanted-facts.ts";
import { compileEventActions } from "./events/event-actions.ts";
import { lowerCase } from "./expansion/operators/case.ts";
import { type ProcessParts, policySurroundings } from "./load/policy-surroundings.ts";
import type { Policy } from "./policy.ts";
import type { Configuration } from "./reader/configuration.ts";
import { formatProblem, inOrder, type Problem, ProblemList } from "./reader/problem.ts";
import { RewriteRules } from "./rewriting/rewrite-rules.ts";

export interface PolicySource {
  readonly configuration: Configuration;
  /** Path of the configuration, for `$config_file`. */
  readonly file: string;
  /** What reading it has found worth telling. */
  readonly notices?: readonly string[];
  readonly process: ProcessParts;
  /** Absent: whoever loads it does not deliver by it. */
  readonly delivery?: DeliveryAbilities;
  /** Of the program, for `$exim_version`. */
  readonly programVersion: string;
}

/** What is wrong with a policy: a line for each problem, in the order of the files. */
export class PolicyError extends ConfigError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], { files }: Pick<Configuration, "files">) {
    super(inOrder(problems, files).map(formatProblem).join("\n"));
    this.problems = problems;
  }
}

/**
 * Makes a policy of a configuration that was read. Opens nothing: lookups connect when they are made.
 *
 * @throws {PolicyError} all that cannot be carried out, one a line, as `file:line: text`.
 */
export function compilePolicy(source: PolicySource): Policy {
  const { configuration, file, process: parts, programVersion: version } = source;
  const { main } = configuration;
  const problems = new ProblemList();
  const primaryHostname = main.get("primary_hostname") ?? parts.hostname;
  const given = sessionNames(configuration, { primaryHostname, file, version });
  const qualifyDomain = lowerCase(given.qualifyDomain);
  const qualifyRecipient = lowerCase(given.qualifyRecipient);
  const names = { ...given, qualifyDomain, qualifyRecipient };
  const { shared, stop } = policySurroundings(configuration, parts);
  const acls = new Acls(configuration);
  const isProxy = proxyTest(configuration);
  const { isReserved, isUnlogged, maxPerHost } = admissionTests(configuration);
  const smtp = smtpPolicy(configuration, problems);
  const sessionParts = smtpParts(configuration, primaryHostname, problems);
  const { lists, advertised, expanded, heloChecks, authenticators } = sessionParts;
  const transports = compileTransports(configuration, shared, smtp, problems);
  const log = logPolicy(configuration, shared, problems);
  const dmarc = dmarcPolicy(configuration, shared, { primaryHostname, qualifyDomain }, problems);
  if (source.delivery !== undefined) checkLocalDeliveries(configuration, source.delivery, problems);
  const errors = problems.all.filter(({ kind }) => kind === "error");
  if (errors.length > 0) throw new PolicyError(errors, configuration);

  const notices = [
    ...(source.notices ?? []),
    ...[...acls.problems, ...expressionNotices(configuration), ...problems.all].map(formatProblem),
    ...policyNotices(configuration, primaryHostname, shared),
  ];
  const waitsAtFirst = queueOnly(configuration);
  return {
    version: configuration.version,
    notices,
    configuration,
    primaryHostname,
    authservIds: authservIds(configuration, names),
    qualifyDomain,
    qualifyRecipient,
    smtp,
    log,
    dmarc,
    dkimLimits: dkimLimits(configuration),
    tls: tlsPolicy(configuration),
    events: compileEventActions(configuration, { shared, acls, names }),
    surroundings: shared,
    hasAcl: (stage) => acls.has(stage),
    asksAtHelo: acls.has("helo") || !heloChecks.areNone || !advertised.areSettled || authenticators !== undefined,
    offers: advertised.forAll,
    asksAtConnect: acls.has("connect") || lists !== undefined || !expanded.areNone || acls.mentions("sender_host_name"),
    ...(isProxy && { isProxy: (peer) => isProxy(new AclSession(peer, names, shared, {})) }),
    ...(isReserved && { isReserved: (client) => isReserved(new AclSession(client, names, shared, {})) }),
    ...(isUnlogged && { isUnlogged: (client) => isUnlogged(new AclSession(client, names, shared, {})) }),
    ...(maxPerHost && {
      acceptMaxPerHost: (client, hooks) => maxPerHost(new AclSession(client, names, shared, hooks ?? {})),
    }),
    startSession: (client, hooks) => new SmtpAcls(new AclSession(client, names, shared, hooks), acls, sessionParts),
    looksAtContent: contentTest(configuration),
    rewriting: rewritingOf(configuration),
    wantedFacts: wantedFacts(configuration),
    transport(name) {
      const transport = transports.get(name);
      if (transport === undefined) throw new ConfigError(`the policy has no transport "${name}"`);
      return transport;
    },
    reports: compileReportPolicy(configuration, shared, { primaryHostname, qualifyDomain }),
    retryRule: compileRetryRules(configuration, shared),
    queue: queueRules(configuration),
    ...(waitsAtFirst === undefined ? {} : { waitsAtFirst }),
    stop,
  };
}

/** Undefined: there are no rules. */
export const rewritingOf = ({ rewrite }: Configuration): RewriteRules | undefined =>
  rewrite.length === 0 ? undefined : new RewriteRules(rewrite);
