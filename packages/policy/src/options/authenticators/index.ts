import { cramMd5Authenticator } from "./cram-md5.ts";
import { cyrusSaslAuthenticator } from "./cyrus-sasl.ts";
import { dovecotAuthenticator } from "./dovecot.ts";
import { externalAuthenticator } from "./external.ts";
import { gsaslAuthenticator } from "./gsasl.ts";
import { heimdalGssapiAuthenticator } from "./heimdal-gssapi.ts";
import { plaintextAuthenticator } from "./plaintext.ts";
import { spaAuthenticator } from "./spa.ts";
import { tlsAuthenticator } from "./tls.ts";

/** The kinds of authenticators, by the value of `driver`. Adding one = a file, a line here. */
export const authenticatorDrivers = {
  cram_md5: cramMd5Authenticator,
  cyrus_sasl: cyrusSaslAuthenticator,
  dovecot: dovecotAuthenticator,
  external: externalAuthenticator,
  gsasl: gsaslAuthenticator,
  heimdal_gssapi: heimdalGssapiAuthenticator,
  plaintext: plaintextAuthenticator,
  spa: spaAuthenticator,
  tls: tlsAuthenticator,
};
