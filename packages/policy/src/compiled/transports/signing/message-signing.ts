/** How a message is to be signed on its way out (names of the smtp transport's options in comments). */
export interface MessageSigning {
  readonly dkim: readonly DkimSigning[];
  /** `dkim_strict`: what cannot be signed stays here for now. */
  readonly isStrict: boolean;
  /** What signatures could not be made of, for the log. */
  readonly dkimProblems: readonly string[];
  readonly arc: ArcSigning | undefined;
  /** For the log; no reason to keep the message. */
  readonly notes: readonly string[];
}

/** A private key: where it is, or in PEM what it is. */
export type KeySource = { readonly file: string } | { readonly pem: string };

/** One DKIM signature. */
export interface DkimSigning {
  /** `dkim_domain`, `dkim_selector` */
  readonly domain: string;
  readonly selector: string;
  /** `dkim_private_key` */
  readonly key: KeySource;
  /** `dkim_canon` */
  readonly canonicalization: "simple" | "relaxed";
  /** `dkim_hash` */
  readonly hash: "sha256" | "sha512";
  /** `dkim_identity` */
  readonly identity?: string;
  /** `dkim_sign_headers` */
  readonly fields: readonly string[];
  /** `dkim_timestamps` */
  readonly lifetimeS?: number;
}

/** `arc_sign` */
export interface ArcSigning {
  /** Results under that name are taken out of whatever comes in: where they stand does not matter. */
  readonly isKnownName: boolean;
  readonly domain: string;
  readonly selector: string;
  readonly key: KeySource;
  readonly hasTimestamps: boolean;
  readonly expires?: { readonly atS: number } | { readonly afterS: number };
  /** Names of the fields that are signed. */
  readonly fields: readonly string[];
}
