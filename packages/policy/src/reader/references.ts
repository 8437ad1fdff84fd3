import { aclVerbs } from "../options/acl/verbs.ts";
import type { Configuration } from "./configuration.ts";
import type { Driver } from "./driver-section.ts";
import type { ProblemList } from "./problem.ts";

/** What makes an authenticator one for clients of ours, by the option that must be set for it. */
const SERVER_OPTIONS = [
  "server_condition",
  "server_key",
  "server_param1",
  "server_password",
  "server_secret",
  "server_socket",
];

/**
 * Names that one part of a configuration uses for another. What Exim finds when it loads is an error; what it finds when a
 * message is there, which is then deferred, is a notice.
 */
export function checkReferences(configuration: Configuration, problems: ProblemList): void {
  checkAcls(configuration, problems);
  checkRouters(configuration, problems);
  checkAuthenticators(configuration, problems);
}

function checkAcls({ main, acls }: Configuration, problems: ProblemList): void {
  for (const [name, { place, value }] of main.settings) {
    if (!name.startsWith("acl_") || typeof value !== "string") continue;
    // Else it is expanded, a file, or the text of an ACL.
    if (!/^[A-Za-z0-9_]+$/.test(value) || acls.has(value) || aclVerbs.some((verb) => verb === value)) continue;
    problems.notice(place, `${name}: there is no ACL "${value}": what it decides about is deferred`);
  }
}

function checkRouters({ routers, transports }: Configuration, problems: ProblemList): void {
  const order = new Map(routers.map(({ name }, i) => [name, i]));
  for (const [i, router] of (routers as readonly Driver[]).entries()) {
    const pass = textOf(router, "pass_router");
    const passTo = pass === undefined ? undefined : order.get(pass);
    if (pass !== undefined && passTo === undefined) {
      problems.error(router.place, `router ${router.name}: pass_router: there is no router "${pass}"`);
    } else if (passTo !== undefined && passTo <= i) {
      problems.error(router.place, `router ${router.name}: pass_router: "${pass}" does not follow this router`);
    }
    const redirect = textOf(router, "redirect_router");
    if (redirect !== undefined && !order.has(redirect)) {
      problems.error(router.place, `router ${router.name}: redirect_router: there is no router "${redirect}"`);
    }
    for (const [name, { place, value }] of router.options.settings) {
      const type = router.options.table[name]?.type;
      if (type !== "transport" && type !== "transport*") continue;
      if (typeof value !== "string" || value.includes("$") || value === "" || transports.has(value)) continue;
      problems.notice(
        place,
        `router ${router.name}: ${name}: there is no transport "${value}": its addresses are deferred`,
      );
    }
  }
}

function checkAuthenticators({ authenticators }: Configuration, problems: ProblemList): void {
  const servers = new Map<string, string>();
  for (const authenticator of authenticators as readonly Driver[]) {
    if (!SERVER_OPTIONS.some((name) => textOf(authenticator, name) !== undefined)) continue;
    const publicName = (textOf(authenticator, "public_name") ?? authenticator.name).toLowerCase();
    const first = servers.get(publicName);
    if (first === undefined) servers.set(publicName, authenticator.name);
    else {
      problems.error(
        authenticator.place,
        `two server authenticators (${first} and ${authenticator.name}) have the same public name (${publicName})`,
      );
    }
  }
}

function textOf({ options }: Driver, name: string): string | undefined {
  const value = options.setting(name)?.value;
  return typeof value === "string" ? value : undefined;
}
