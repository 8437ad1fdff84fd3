import { authenticatorOptions } from "../options/authenticators/generic.ts";
import { authenticatorDrivers } from "../options/authenticators/index.ts";
import { routerOptions } from "../options/routers/generic.ts";
import { routerDrivers } from "../options/routers/index.ts";
import { checkTransport, transportOptions } from "../options/transports/generic.ts";
import { transportDrivers } from "../options/transports/index.ts";
import { AclSection } from "./acl-section.ts";
import type { AuthenticatorSettings, Configuration, RouterSettings, TransportSettings } from "./configuration.ts";
import { DriverSection } from "./driver-section.ts";
import { MainSection } from "./main-section.ts";
import { OptionCollector } from "./option-collector.ts";
import type { Place, ProblemList } from "./problem.ts";
import { RetrySection } from "./retry-section.ts";
import { RewriteSection } from "./rewrite-section.ts";
import type { Section } from "./section.ts";

/** The sections of one configuration, by the names that `begin` knows them by. */
export class Sections {
  readonly #problems: ProblemList;
  readonly #ignored = new Set<string>();
  readonly #begun = new Set<string>();
  readonly #main: MainSection;
  readonly #acl: AclSection;
  readonly #routers: DriverSection;
  readonly #transports: DriverSection;
  readonly #authenticators: DriverSection;
  readonly #retry: RetrySection;
  readonly #rewrite: RewriteSection;
  readonly #byName: ReadonlyMap<string, Section>;
  current: Section;

  constructor(problems: ProblemList) {
    const note = (name: string): void => void this.#ignored.add(name);
    this.#problems = problems;
    this.#main = new MainSection(new OptionCollector("", problems, note), problems);
    this.#acl = new AclSection(problems);
    this.#routers = new DriverSection({ noun: "router", generic: routerOptions, kinds: routerDrivers }, problems, note);
    this.#transports = new DriverSection(
      { noun: "transport", generic: transportOptions, kinds: transportDrivers, check: checkTransport },
      problems,
      note,
    );
    this.#authenticators = new DriverSection(
      { noun: "authenticator", generic: authenticatorOptions, kinds: authenticatorDrivers },
      problems,
      note,
    );
    this.#retry = new RetrySection(problems);
    this.#rewrite = new RewriteSection(problems);
    this.#byName = new Map<string, Section>([
      ["acl", this.#acl],
      ["authenticator", this.#authenticators],
      ["local_scan", new UnavailableSection("local_scan() is not available: write the rule as an ACL", problems)],
      ["retry", this.#retry],
      ["rewrite", this.#rewrite],
      ["router", this.#routers],
      ["transport", this.#transports],
    ]);
    this.current = this.#main;
  }

  /** Names are taken in the singular and the plural, in any case. A section that is not known is skipped. */
  begin(name: string, place: Place): void {
    this.current.end();
    const singular = name.toLowerCase().replace(/s$/, "");
    const section = this.#byName.get(singular);
    if (section === undefined) {
      const near = this.#problems.suggest(name, () => this.#byName.keys());
      this.#problems.error(place, `"${name.slice(0, 60)}" is not a known section name${near}`);
    } else if (this.#begun.has(singular)) this.#problems.error(place, `"${name}" section is repeated`);
    this.#begun.add(singular);
    this.current = section ?? SKIPPED;
  }

  noticeIgnored(place: Place): void {
    if (this.#ignored.size === 0) return;
    const names = [...this.#ignored].sort().join(", ");
    this.#problems.notice(place, `these options have no meaning here and were ignored: ${names}`);
  }

  result(): Omit<Configuration, "version" | "files" | "macros" | "bmi"> {
    // The sections are read with the tables that these types are made of.
    const transports = this.#transports.drivers as readonly TransportSettings[];
    return {
      main: this.#main.options,
      namedLists: this.#main.lists.all,
      acls: this.#acl.acls,
      routers: this.#routers.drivers as readonly RouterSettings[],
      transports: new Map(transports.map((transport) => [transport.name, transport])),
      authenticators: this.#authenticators.drivers as readonly AuthenticatorSettings[],
      retry: this.#retry.rules,
      rewrite: this.#rewrite.rules,
    };
  }
}

const SKIPPED: Section = { line: () => {}, end: () => {} };

/** A section of Exim that may be empty here, and nothing else. */
class UnavailableSection implements Section {
  readonly #reason: string;
  readonly #problems: ProblemList;

  constructor(reason: string, problems: ProblemList) {
    this.#reason = reason;
    this.#problems = problems;
  }

  line({ place }: { readonly place: Place }): void {
    this.#problems.error(place, this.#reason);
  }

  end(): void {
    // Nothing was kept.
  }
}
