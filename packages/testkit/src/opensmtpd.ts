import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answers, type MailServer, type MailServerOptions, stopProcess } from "./mail-server.ts";
import { program, serversDirectory } from "./program.ts";

/** Where `fetch-servers.sh` has unpacked it: as a package, it cannot be installed beside Postfix. */
const unpackedRoot = (): string => join(serversDirectory(), "root", "bookworm");

/** Why OpenSMTPD cannot be started here; undefined if it can. */
export function openSmtpdIsMissing(): string | undefined {
  if (!existsSync(join(unpackedRoot(), "usr/sbin/smtpd"))) {
    return "OpenSMTPD is not there (packages/testkit/fetch-servers.sh DIR opensmtpd)";
  }
  if (process.getuid?.() !== 0) return "OpenSMTPD can only be started by root";
  return program("unshare") === undefined ? "there is no unshare, without which OpenSMTPD finds no place" : undefined;
}

/**
 * Its paths and users are built in: it gets a root of its own, of which this machine sees nothing, made of what was unpacked
 * with a layer of memory on top.
 */
const START = `set -e
mount -t tmpfs tmpfs "$2/top"
mkdir "$2/top/upper" "$2/top/work" "$2/top/root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/top/upper,workdir=$2/top/work" "$2/top/root"
cd "$2/top/root"
mkdir -p dev proc tmp run etc var/lib/opensmtpd/empty var/spool/smtpd
[ -e var/run ] || ln -s /run var/run
mount --rbind /dev dev
mount -t proc proc proc
for id in 65532:opensmtpq 65533:opensmtpd 0:root; do
  echo "\${id#*:}:x:\${id%:*}:\${id%:*}::/var/lib/opensmtpd/empty:/bin/false" >> etc/passwd
  echo "\${id#*:}:x:\${id%:*}:" >> etc/group
done
cp "$2/smtpd.conf" etc/smtpd.conf
cp /etc/hosts etc/hosts
chmod 644 etc/smtpd.conf
chmod 711 var/spool/smtpd
exec chroot . /usr/sbin/smtpd -d -f /etc/smtpd.conf
`;

/** OpenSMTPD (6.8), which hands everything on to a port of this machine. */
export async function startOpenSmtpd(
  relayTo: number,
  { port, directory }: Pick<MailServerOptions, "port" | "directory">,
): Promise<MailServer> {
  mkdirSync(`${directory}/top`, { recursive: true });
  chmodSync(directory, 0o755);
  writeFileSync(
    `${directory}/smtpd.conf`,
    `listen on 127.0.0.1 port ${port} hostname opensmtpd.test
action "on" relay host smtp://127.0.0.1:${relayTo} helo opensmtpd.test
match from any for any action "on"
`,
  );
  const daemon = spawn("unshare", ["-m", "sh", "-c", START, "sh", unpackedRoot(), directory], { stdio: "ignore" });
  await answers(port);
  return { port, directory, stop: () => stopProcess(daemon) };
}
