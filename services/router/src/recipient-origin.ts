import type { RecipientOrigin } from "@postbus/contracts";
import { carriedValues, fromCarried } from "@postbus/policy";
import type { AddressOrigin } from "@postbus/routing";

/** The name by which `$address_data` stands among the variables; others begin with `r_`. */
const ADDRESS_DATA = "address_data";

/** Origins as they travel in work items. What is the same object on one side is the same on the other. */
export class Origins {
  readonly #carried = new Map<AddressOrigin, RecipientOrigin>();

  carried(origin: AddressOrigin): RecipientOrigin {
    return this.#carried.getOrInsertComputed(origin, carriedOrigin);
  }
}

function carriedOrigin(origin: AddressOrigin): RecipientOrigin {
  const { parents, routers, startsAt, unique, item, inherited, isHidden } = origin;
  const { errorsTo, srsSender, ignoresErrors, headersAdd, headersRemove, addressData, isLastHop } = inherited;
  const carried: RecipientOrigin = { parents: [...parents] };
  if (routers.some((name) => name !== "")) carried.routers = [...routers];
  if (startsAt !== undefined) carried.startsAt = startsAt;
  if (unique !== undefined) carried.unique = unique;
  if (item !== undefined) carried.item = item.kind;
  if (item?.isTainted === true) carried.isTainted = true;
  if (ignoresErrors) carried.errorsTo = "";
  else if (errorsTo !== undefined) carried.errorsTo = errorsTo;
  if (srsSender !== undefined) carried.srsSender = srsSender;
  if (headersAdd.length > 0) carried.headersAdd = [...headersAdd];
  if (headersRemove.length > 0) carried.headersRemove = [...headersRemove];
  const all =
    addressData === undefined ? inherited.variables : [[ADDRESS_DATA, addressData] as const, ...inherited.variables];
  const variables = carriedValues(all);
  if (variables !== undefined) carried.variables = variables;
  if (isLastHop) carried.isLastHop = true;
  if (isHidden) carried.isHidden = true;
  return carried;
}

/** What a recipient of a work item has been before. */
export function originOfRecipient(carried: RecipientOrigin): AddressOrigin {
  const { parents, routers = [], startsAt, unique, item, isTainted = false, isHidden = false } = carried;
  const { [ADDRESS_DATA]: addressData, ...variables } = carried.variables ?? {};
  return {
    parents,
    routers,
    startsAt,
    unique,
    item: item === undefined ? undefined : { kind: item, isTainted },
    isHidden,
    inherited: {
      addressData: addressData === undefined ? undefined : fromCarried(addressData),
      variables: new Map(Object.entries(variables).map(([name, value]) => [name, fromCarried(value)])),
      errorsTo: carried.errorsTo,
      srsSender: carried.srsSender,
      ignoresErrors: carried.errorsTo === "",
      headersAdd: carried.headersAdd ?? [],
      headersRemove: carried.headersRemove ?? [],
      isLastHop: carried.isLastHop === true,
    },
  };
}
