import { Tainted, type Value, type Variables } from "@postbus/policy";
import type { Attempt } from "./attempt.ts";
import type { RoutingContext } from "./routing-context.ts";

type Known = Value | number | boolean | undefined;

/** The variables of the address that is being routed; what is not about it comes from the message. */
export class RoutingVariables implements Variables {
  readonly #context: RoutingContext;
  readonly #general: Readonly<Record<string, string>>;
  attempt: Attempt | undefined;

  /** @param general Those that are the same for all addresses. */
  constructor(context: RoutingContext, general: Readonly<Record<string, string>>) {
    this.#context = context;
    this.#general = general;
  }

  get headers(): Variables["headers"] {
    return this.#context.variables?.headers;
  }

  get(name: string): Known {
    const { attempt } = this;
    if (attempt !== undefined) {
      if (name.startsWith("r_")) return attempt.address.inherited.variables.get(name);
      const read = READERS.get(name);
      if (read !== undefined) return read(attempt);
      if (attempt.item?.name === name) return attempt.item.value;
    }
    if (name === "sender_address") return this.#context.returnPath;
    if (name === "return_path") return this.#context.returnPath;
    if (name === "verify_mode") return VERIFY_MODES[this.#context.purpose];
    return this.#context.variables?.get(name) ?? this.#general[name];
  }
}

const VERIFY_MODES: Readonly<Record<RoutingContext["purpose"], string>> = {
  deliver: "",
  test: "",
  expn: "",
  recipient: "R",
  sender: "S",
};

const readers: Readonly<Record<string, (attempt: Attempt) => Known>> = {
  address_data: ({ address }) => address.inherited.addressData,
  domain: ({ address }) => address.domain,
  domain_data: ({ domainData }) => domainData,
  home: ({ home }) => home,
  local_part: ({ local }) => local.localPart,
  local_part_data: ({ localPartData }) => localPartData,
  local_part_prefix: ({ local }) => affix(local.prefix),
  local_part_prefix_v: ({ local }) => local.prefix?.variable,
  local_part_suffix: ({ local }) => affix(local.suffix),
  local_part_suffix_v: ({ local }) => local.suffix?.variable,
  local_user_uid: ({ account }) => account?.uid ?? NOBODY,
  local_user_gid: ({ account }) => account?.gid ?? NOBODY,
  original_domain: ({ address }) => address.top.domain,
  original_local_part: ({ address }) => address.top.lowerLocalPart,
  parent_domain: ({ address }) => address.parent?.domain,
  return_path: ({ address, run }) => address.inherited.errorsTo ?? run.context.returnPath,
  parent_local_part: ({ address }) => address.parent?.lowerLocalPart,
  router_name: ({ router }) => router.name,
  self_hostname: ({ address }) => address.selfHostname,
  sender_data: ({ senderData }) => senderData,
  bmi_deliver: (attempt) => ((bmi(attempt)?.deliver ?? "default") === "none" ? "0" : "1"),
  bmi_alt_location: (attempt) => bmi(attempt)?.alternateLocation,
  bmi_base64_verdict: (attempt) => bmi(attempt)?.base64Verdict,
  bmi_base64_tracker_verdict: (attempt) => bmi(attempt)?.base64TrackerVerdict,
};

const READERS: ReadonlyMap<string, (attempt: Attempt) => Known> = new Map(Object.entries(readers));

/** What Exim shows where there is no account: -1 without its sign. */
const NOBODY = 4_294_967_295;

/** What a wildcard stands for was chosen by whoever wrote the address. */
const affix = (cut: Attempt["local"]["prefix"]): Known =>
  cut === undefined || cut.variable === undefined ? cut?.text : new Tainted(cut.text);

const bmi = ({ run, address }: Attempt) => run.context.bmiVerdict?.(address.top.text);

/** The variables that a delivery keeps: what the transport's strings may name. */
export const carriedVariables: readonly string[] = [...READERS.keys()];
