import type { ScanServer } from "@postbus/contracts";

/** `/path`, `host:port` or `[2001:db8::1]:port`: for logs and keys. */
export function serverName(server: ScanServer): string {
  if ("path" in server) return server.path;
  const { host, port } = server;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
