import { ConfigError } from "@postbus/mail";

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** For schemas; what it lets through, `parseEndpoint` reads or refuses. */
export const ENDPOINT_PATTERN = "^.+:[0-9]+$";

/**
 * `host:port` or `[2001:db8::1]:port` of a setting.
 *
 * @param name The variable, for the error's text.
 * @throws {ConfigError}
 */
export function parseEndpoint(text: string, name: string): Endpoint {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw new ConfigError(`${name}: ${JSON.stringify(text)} is not host:port`);
  return { host: match[1] ?? match[2] ?? "", port };
}

/** The way `parseEndpoint` reads it. */
export function formatEndpoint(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
