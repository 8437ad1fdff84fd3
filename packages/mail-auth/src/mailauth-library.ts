/**
 * The parts of the library that are used, loaded on first use: 120 ms and 37 MB, which nobody should pay for whose
 * policy asks for no facts. Its entry point would load 334 files (BIMI, S/MIME certificates, an HTTP client) instead of
 * 105.
 */
export const mailauthSpf = once(() => import("mailauth/lib/spf/index.js"));
export const mailauthDkim = once(() => import("mailauth/lib/dkim/dkim-verifier.js"));
export const mailauthDmarc = once(() => import("mailauth/lib/dmarc/index.js"));
export const mailauthDmarcRecords = once(() => import("mailauth/lib/dmarc/get-dmarc-record.js"));
export const mailauthAuthor = once(() => import("mailauth/lib/dmarc/author-domain.js"));

/** Loads it all, for whoever has time now and will have none later. */
export async function preload(): Promise<void> {
  await Promise.all([mailauthSpf(), mailauthDkim(), mailauthDmarc()]);
}

/** An `import()` looks for its file each time, which takes longer than a whole check. */
function once<M>(load: () => Promise<M>): () => Promise<M> {
  let loaded: Promise<M> | undefined;
  return () => {
    loaded ??= load();
    return loaded;
  };
}
