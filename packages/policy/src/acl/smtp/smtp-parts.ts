import { type OfferedAuthenticators, offeredAuthenticators } from "../../authenticators/offered-authenticators.ts";
import type { Configuration } from "../../reader/configuration.ts";
import { ProblemList } from "../../reader/problem.ts";
import { AdvertiseLists } from "./advertise-lists.ts";
import { type ClientLists, clientLists } from "./client-lists.ts";
import { CommandDelays } from "./command-delays.ts";
import { ExpandedOptions } from "./expanded-options.ts";
import { HeloChecks } from "./helo-checks.ts";

/** What a policy has for SMTP sessions besides its ACLs. */
export interface SmtpParts {
  readonly lists: ClientLists | undefined;
  readonly advertised: AdvertiseLists;
  readonly expanded: ExpandedOptions;
  readonly heloChecks: HeloChecks;
  readonly delays: CommandDelays;
  readonly authenticators: OfferedAuthenticators | undefined;
}

/** @param problems Gets what cannot be carried out. */
export function smtpParts(
  configuration: Configuration,
  hostname: string,
  problems: ProblemList = new ProblemList(),
): SmtpParts {
  return {
    lists: clientLists(configuration),
    advertised: new AdvertiseLists(configuration),
    expanded: new ExpandedOptions(configuration),
    heloChecks: new HeloChecks(configuration),
    delays: new CommandDelays(configuration, problems),
    authenticators: offeredAuthenticators(configuration, hostname, problems),
  };
}
