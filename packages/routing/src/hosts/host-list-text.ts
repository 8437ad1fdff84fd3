import { splitList } from "@postbus/policy";

/** A host as it is written in a list. */
export interface ListedHost {
  /** Without port and brackets. */
  readonly name: string;
  readonly port: number | undefined;
  /** The hosts that its MX records name are meant. */
  readonly isMx: boolean;
  /** Counts the `+` before it. */
  readonly group: number;
}

/** A list is written by the operator, or comes out of a lookup. */
const MAX_HOSTS = 1_000;

/**
 * Reads a list of hosts: `a.example : b.example::26 : + : [2001:db8::1]:26 : c.example/MX`. (In a list with colons, a
 * colon that is part of an item is doubled.)
 */
export function parseHostList(text: string): ListedHost[] {
  const hosts: ListedHost[] = [];
  let group = 0;
  for (const item of splitList(text).items) {
    if (item === "+") group++;
    else hosts.push({ ...parseHost(item), group });
    if (hosts.length >= MAX_HOSTS) break;
  }
  return hosts;
}

function parseHost(item: string): Omit<ListedHost, "group"> {
  // `[address]`, `[address]:port`; else what stands behind the last colon is a port unless it is part of an IPv6 address.
  const bracketed = /^\[([^\]]*)\](?::+([0-9]{1,5}))?$/.exec(item);
  const [, name = item, port] = bracketed ?? /^([^:]*):+([0-9]{1,5})$/.exec(item) ?? [];
  const isMx = /.\/mx$/i.test(name);
  return {
    name: isMx ? name.slice(0, -3) : name,
    port: port === undefined ? undefined : Number(port),
    isMx,
  };
}
