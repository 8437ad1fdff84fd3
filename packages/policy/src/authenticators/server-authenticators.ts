import { compileExpansion } from "../expansion/compile-expansion.ts";
import type { Expansion } from "../expansion/expansion.ts";
import type { AuthenticatorSettings, Configuration } from "../reader/configuration.ts";
import type { ProblemList } from "../reader/problem.ts";
import { cramMd5 } from "./cram-md5.ts";
import { external } from "./external.ts";
import type { Mechanism } from "./mechanism.ts";
import { plaintext } from "./plaintext.ts";
import { SCRAM_HASHES, scram } from "./scram.ts";
import { tlsAuthenticator } from "./tls-authenticator.ts";

/** An authenticator of the file that clients of ours can use. */
export interface ServerAuthenticator {
  readonly name: string;
  /** `public_name`, in upper case: what EHLO offers and AUTH names (RFC 4954 §3). */
  readonly publicName: string;
  /** `public_name`, as the file has it. */
  readonly writtenName: string;
  readonly mechanism: Mechanism;
  /** A certificate stands for the AUTH command, which there is none of. */
  readonly isByCertificate: boolean;
  /** `server_advertise_condition` */
  readonly advertised: Expansion | undefined;
  /** `server_set_id` */
  readonly setId: Expansion | undefined;
}

/** The authenticators that have a server's part, compiled. What there is no mechanism for is an error with its line. */
export function serverAuthenticators(
  configuration: Configuration,
  hostname: string,
  problems: ProblemList,
): readonly ServerAuthenticator[] {
  return configuration.authenticators.flatMap((settings) => {
    const { name, generic, place } = settings;
    const mechanism = mechanismOf(settings, hostname, (text) =>
      problems.error(place, `authenticator ${name}: ${text}`),
    );
    if (mechanism === undefined) return [];
    return {
      name,
      publicName: (generic.get("public_name") ?? name).toUpperCase(),
      writtenName: generic.get("public_name") ?? name,
      mechanism,
      isByCertificate: settings.kind === "tls",
      advertised: expansionOf(generic.get("server_advertise_condition")),
      setId: expansionOf(generic.get("server_set_id")),
    };
  });
}

/** @returns undefined: it is for us as a client only, or not available. */
function mechanismOf(
  settings: AuthenticatorSettings,
  hostname: string,
  error: (text: string) => void,
): Mechanism | undefined {
  const condition = expansionOf(settings.generic.get("server_condition"));
  switch (settings.kind) {
    case "plaintext": {
      if (condition === undefined) return undefined;
      return plaintext({ prompts: expansionOf(settings.options.get("server_prompts")), condition });
    }
    case "cram_md5": {
      const secret = expansionOf(settings.options.get("server_secret"));
      return secret && cramMd5({ secret, condition, hostname });
    }
    case "external": {
      const params = [settings.options.get("server_param2"), settings.options.get("server_param3")].flatMap(
        (text) => expansionOf(text) ?? [],
      );
      return condition && external({ params, condition });
    }
    case "gsasl":
      return scramOf(settings, condition, error);
    case "tls": {
      const { options } = settings;
      const texts = [
        options.get("server_param1") ?? options.get("server_param"),
        options.get("server_param2"),
        options.get("server_param3"),
      ];
      return tlsAuthenticator(
        texts.flatMap((text) => expansionOf(text) ?? []),
        condition,
      );
    }
    default:
      // The reader has refused the others.
      return undefined;
  }
}

function scramOf(
  { options: own, name }: Extract<AuthenticatorSettings, { kind: "gsasl" }>,
  condition: Expansion | undefined,
  error: (text: string) => void,
): Mechanism | undefined {
  const password = expansionOf(own.get("server_password"));
  const stored = expansionOf(own.get("server_key"));
  const server = expansionOf(own.get("server_skey"));
  if (password === undefined && stored === undefined) return undefined;
  const mechanism = (own.get("server_mech") ?? own.get("public_name") ?? name).toUpperCase();
  const hash = SCRAM_HASHES[mechanism];
  if (hash === undefined) {
    error(`server_mech = ${mechanism}: not available; ${Object.keys(SCRAM_HASHES).join(" and ")} are`);
    return undefined;
  }
  if (own.get("server_channelbinding")) error("server_channelbinding: not available");
  if (password === undefined && server === undefined) error("server_key wants server_skey");
  return scram({
    hash,
    password,
    keys: stored !== undefined && server !== undefined ? { stored, server } : undefined,
    iterations: compileExpansion(own.get("server_scram_iter")),
    salt: expansionOf(own.get("server_scram_salt")),
    condition,
  });
}

const expansionOf = (text: string | undefined): Expansion | undefined =>
  text === undefined ? undefined : compileExpansion(text);
