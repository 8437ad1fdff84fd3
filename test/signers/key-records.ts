import type { Records } from "./other-signers.ts";

/** Records of the keys, by their names, each as character-strings. */
export function keyRecords(p: { readonly rsa: string; readonly ed25519: string }): Records {
  const spaced = p.rsa.replaceAll(/.{50}/g, "$& ");
  const records: Record<string, string> = {
    rsa: `v=DKIM1; k=rsa; p=${p.rsa}`,
    rsa2: `v=DKIM1; k=rsa; p=${p.rsa}`,
    bare: `p=${p.rsa}`,
    spaced: `v=DKIM1 ; k = rsa ;p= ${spaced} ;`,
    order: `v=DKIM1; p=${p.rsa}; n=a note; h=sha256; k=rsa`,
    hashes: `v=DKIM1; h = sha1 : sha256; p=${p.rsa}`,
    hash1: `v=DKIM1; h=sha1; p=${p.rsa}`,
    email: `v=DKIM1; s=email; p=${p.rsa}`,
    any: `v=DKIM1; s=*; t=y; p=${p.rsa}`,
    other: `v=DKIM1; s=tlsrpt; p=${p.rsa}`,
    strict: `v=DKIM1; t=s; p=${p.rsa}`,
    both: `v=DKIM1; t=y:s; p=${p.rsa}`,
    unknown: `v=DKIM1; x=1; zz=; p=${p.rsa}`,
    revoked: "v=DKIM1; p=",
    kind: `v=DKIM1; k=ed25519; p=${p.rsa}`,
    ed: `v=DKIM1; k=ed25519; p=${p.ed25519}`,
    edstrict: `v=DKIM1; k=ed25519; t=s; p=${p.ed25519}`,
    edrsa: `v=DKIM1; k=rsa; p=${p.ed25519}`,
  };
  return Object.fromEntries(
    Object.entries(records).map(([name, record], n) => {
      const at = 50 + 11 * n;
      return [
        `${name}._domainkey.a.test`,
        n % 3 === 0
          ? (record.match(/.{1,255}/g) ?? [])
          : [record.slice(0, at), ...(record.slice(at).match(/.{1,200}/g) ?? [])],
      ];
    }),
  );
}
