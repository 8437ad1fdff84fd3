import { BlockFile } from "../block-file.ts";
import { LookupDefer } from "../lookup-defer.ts";
import type { FileLookupType } from "../lookup-type.ts";
import { domainLabels } from "./domain-labels.ts";
import { PublicSuffixList } from "./public-suffix-list.ts";

/** The whole list has 300 KiB. */
const MAX_FILE_OCTETS = 4 * 1024 * 1024;

/** A type whose file is a public suffix list, whose key is a domain, and whose data is an end of it. */
export function suffixType(name: string, { extraLabels }: { readonly extraLabels: number }): FileLookupType {
  return {
    name,
    style: "single-key",
    wants: "regular file",
    openFailure: (_path, problem) => problem, // Exim says no more than this.
    async open(path) {
      const list = await readList(name, path);
      return {
        find(key) {
          const { written, compared } = domainLabels(key);
          const suffix = list.suffixLength(compared);
          if (suffix === undefined || suffix + extraLabels > written.length) return undefined;
          return { data: written.slice(written.length - suffix - extraLabels).join(".") };
        },
        close: () => undefined,
      };
    },
  };
}

async function readList(type: string, path: string): Promise<PublicSuffixList> {
  const file = await BlockFile.open(path);
  try {
    if (file.size > MAX_FILE_OCTETS) {
      throw new LookupDefer(type, `${path} has ${file.size} octets, the limit is ${MAX_FILE_OCTETS}`);
    }
    return await PublicSuffixList.read(file);
  } finally {
    await file.close();
  }
}
