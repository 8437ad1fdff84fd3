export { cipherText } from "./cipher-text.ts";
export { startServerTls } from "./server-tls.ts";
export { loadTlsContext, type TlsContext } from "./tls-context.ts";
