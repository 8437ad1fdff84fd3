import { Tainted } from "./value.ts";

/** The value of a certificate variable: as text it says nothing, but digests and `${certextract` know what it is. */
export class Certificate extends Tainted {
  /** Octets of the certificate. */
  readonly der: string;

  constructor(der: string) {
    super("<cert>");
    this.der = der;
  }
}
