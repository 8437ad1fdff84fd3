export { cipherText } from "./cipher-text.ts";
export type { ContextSettings } from "./context-settings.ts";
export { distinguishedName } from "./distinguished-name.ts";
export { handshakeProblem } from "./handshake-problem.ts";
export { opensslOptions } from "./openssl-options.ts";
export { serverName } from "./server-name.ts";
export { type ServerHandshake, startServerTls, type Verification } from "./server-tls.ts";
export { TlsContexts } from "./tls-contexts.ts";
