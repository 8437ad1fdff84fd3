export { awaitServerName } from "./await-server-name.ts";
export { cipherText } from "./cipher-text.ts";
export type { ContextSettings } from "./context-settings.ts";
export { distinguishedName } from "./distinguished-name.ts";
export { handshakeProblem } from "./handshake-problem.ts";
export { opensslOptions } from "./openssl-options.ts";
export { serverName } from "./server-name.ts";
export { internalErrorAlert, type ServerHandshake, startServerTls, type Verification } from "./server-tls.ts";
export { TlsContexts } from "./tls-contexts.ts";
