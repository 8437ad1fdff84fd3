import { type Eventual, then } from "../../expansion/code.ts";
import { compileExpansion } from "../../expansion/compile-expansion.ts";
import { createEvaluation } from "../../expansion/create-evaluation.ts";
import type { Variables } from "../../expansion/evaluation.ts";
import type { Expansion } from "../../expansion/expansion.ts";
import { ForcedFailure } from "../../expansion/failures.ts";
import { textOf, type Value } from "../../expansion/value.ts";
import type { SharedSurroundings } from "../../load/policy-surroundings.ts";
import { splitList } from "../../matching/split-list.ts";
import type { AuthenticatorSettings, Configuration } from "../../reader/configuration.ts";
import type { ProblemList } from "../../reader/problem.ts";
import { SCRAM_HASHES } from "../scram.ts";
import {
  type ClientAuthenticator,
  type ClientExchange,
  type ClientMechanism,
  ClientValues,
  type CompiledClientAuthenticator,
} from "./client-authenticator.ts";
import { ConnectionVariables } from "./connection-variables.ts";
import { cramMd5Client } from "./cram-md5.ts";
import { externalClient } from "./external.ts";
import { plaintextClient } from "./plaintext.ts";
import { scramClient } from "./scram.ts";

/** The authenticators that have a client's part, compiled, in the order of the file. */
export function clientAuthenticators(
  { authenticators }: Pick<Configuration, "authenticators">,
  problems: ProblemList,
): readonly CompiledClientAuthenticator[] {
  return authenticators.flatMap((settings) => {
    const { name, generic, place, options } = settings;
    const mechanism = mechanismOf(settings, (text) => problems.error(place, `authenticator ${name}: ${text}`));
    if (mechanism === undefined) return [];
    const texts = [...generic.settings, ...options.settings].flatMap(([option, { value }]) =>
      option.startsWith("client_") && typeof value === "string" ? [value] : [],
    );
    return {
      name,
      publicName: (generic.get("public_name") ?? name).toUpperCase(),
      takesAnyChallenge: settings.kind === "plaintext" && settings.options.get("client_ignore_invalid_base64"),
      mechanism,
      condition: expansionOf(generic.get("client_condition")),
      setId: expansionOf(generic.get("client_set_id")),
      texts,
    };
  });
}

/** @returns undefined: it is for clients of ours only. */
function mechanismOf(settings: AuthenticatorSettings, error: (text: string) => void): ClientMechanism | undefined {
  switch (settings.kind) {
    case "plaintext": {
      const send = settings.options.get("client_send");
      return send === undefined ? undefined : plaintextClient(Array.from(splitList(send).items, compileExpansion));
    }
    case "cram_md5": {
      const secret = expansionOf(settings.options.get("client_secret"));
      return secret && cramMd5Client({ name: compileExpansion(settings.options.get("client_name")), secret });
    }
    case "external": {
      const send = expansionOf(settings.options.get("client_send"));
      return send && externalClient(send);
    }
    case "gsasl":
      return scramOf(settings, error);
    default:
      return undefined;
  }
}

function scramOf(
  { options, generic, name }: Extract<AuthenticatorSettings, { kind: "gsasl" }>,
  error: (text: string) => void,
): ClientMechanism | undefined {
  const user = expansionOf(options.get("client_username"));
  const password = expansionOf(options.get("client_password"));
  if (options.get("client_channelbinding")) error("client_channelbinding: not available");
  if (options.get("client_spassword") !== undefined) error("client_spassword: not available; set client_password");
  if (user === undefined || password === undefined) return undefined;
  const mechanism = (options.get("server_mech") ?? generic.get("public_name") ?? name).toUpperCase();
  const hash = SCRAM_HASHES[mechanism];
  if (hash === undefined) {
    error(`${mechanism}: not available as a client; ${Object.keys(SCRAM_HASHES).join(" and ")} are`);
    return undefined;
  }
  return scramClient({ hash, name: user, password, authorization: expansionOf(options.get("client_authz")) });
}

const expansionOf = (text: string | undefined): Expansion | undefined =>
  text === undefined ? undefined : compileExpansion(text);

/** For one message. */
export function boundAuthenticators(
  compiled: readonly CompiledClientAuthenticator[],
  shared: SharedSurroundings,
  message: Variables,
): readonly ClientAuthenticator[] {
  return compiled.map(({ name, publicName, takesAnyChallenge, mechanism, condition, setId }) => ({
    name,
    publicName,
    takesAnyChallenge,
    exchange(connection): ClientExchange {
      const values = new ClientValues();
      const variables = new ConnectionVariables(message, connection, values);
      const evaluation = createEvaluation({ ...shared, variables });
      return {
        isWanted: () =>
          condition === undefined ? true : then(decided(condition.run.bind(condition), evaluation), isYes),
        begin: () => mechanism(evaluation, values),
        id: () => (setId === undefined ? undefined : then(setId.run(evaluation), textOf)),
      };
    },
  }));
}

type Evaluating = ReturnType<typeof createEvaluation>;

/** A condition that is made to fail is a no. */
function decided(run: (evaluation: Evaluating) => Eventual<Value>, evaluation: Evaluating): Eventual<Value> {
  const no = (error: unknown): Value => {
    if (error instanceof ForcedFailure) return "";
    throw error;
  };
  try {
    const value = run(evaluation);
    return value instanceof Promise ? value.catch(no) : value;
  } catch (error) {
    return no(error);
  }
}

/** As `expand_check_condition` of Exim has it: everything but nothing, `0`, `no` and `false`. */
const isYes = (value: Value): boolean => !/^(?:0|no|false|)$/i.test(textOf(value));
