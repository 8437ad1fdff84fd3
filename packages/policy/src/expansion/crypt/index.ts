import { ExpansionFailure } from "../failures.ts";
import { desCrypt } from "./des-crypt.ts";
import { md5Crypt } from "./md5-crypt.ts";
import { shaCrypt } from "./sha-crypt.ts";

/**
 * crypt(3): the encrypted form of a password, made with the method and salt of `setting`, which may be an encrypted form.
 *
 * @returns undefined: `setting` is none.
 * @throws {ExpansionFailure} a method that we do not have (bcrypt, scrypt, yescrypt).
 */
export function crypt(plain: string, setting: string): string | undefined {
  if (setting.startsWith("$1$")) return md5Crypt(plain, setting);
  if (/^\$[56]\$/.test(setting)) return shaCrypt(plain, setting);
  if (setting.startsWith("$")) throw new ExpansionFailure("crypteq: this kind of encrypted password is not supported");
  return desCrypt(plain, setting);
}
