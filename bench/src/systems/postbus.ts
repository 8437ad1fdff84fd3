import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort, startNats, stopProcess, type TestCertificate } from "@postbus/testkit";
import { type Account, openAccount } from "../account.ts";
import { backlogPolicy } from "../backlog-policy.ts";
import { type FilterLab, filterPolicy } from "../filter-lab.ts";
import type { StartSystem } from "./system.ts";

/**
 * Everything in one process on the embedded bus; to hold mail, only the gateway (`gateway-alone.ts`), which the program
 * does not offer.
 *
 * @param root The checkout that is measured.
 */
export function embedded(root: string, name = "postbus"): StartSystem {
  return async ({ sinkPort, hold, hasDeadHop = false, directory, certificate, filter }) => {
    const account = openAccount("embedded");
    const port = await freePort();
    const tlsPort = await freePort();
    const deadPort = await freePort();
    const env: Record<string, string> = {};
    if (certificate !== undefined) env["POSTBUS_CONFIG"] = tlsPolicy(root, directory, certificate, tlsPort);
    if (hasDeadHop) {
      env["POSTBUS_CONFIG"] = join(directory, "backlog-policy.conf");
      writeFileSync(env["POSTBUS_CONFIG"], backlogPolicy(sinkPort, deadPort));
    }
    if (filter !== undefined) Object.assign(env, filtering(filter, sinkPort, directory));
    const smtpPorts = certificate === undefined ? String(port) : `${port} : ${tlsPort}`;
    const options = { root, account, directory, smtpPorts, sinkPort, env, services: [] };
    const child = await startPostbus(hold ? { ...options, command: "gateway-alone" } : options);
    return {
      ...{ name: `${name} (embedded)`, port, account },
      ...(certificate === undefined ? {} : { tlsPort }),
      ...(hasDeadHop ? { deadPort } : {}),
      async stop() {
        await stopProcess(child);
        account.close();
      },
    };
  };
}

/** Settings for a policy that verifies. */
function filtering(filter: FilterLab, sinkPort: number, directory: string): Readonly<Record<string, string>> {
  const file = join(directory, "filter-policy.conf");
  const listen = "daemon_smtp_ports = SMTP_PORT\nlocal_interfaces = 127.0.0.1\nsmtp_accept_max = 0";
  writeFileSync(file, filterPolicy(sinkPort, listen));
  return { POSTBUS_DNS_SERVERS: filter.dnsAddress, POSTBUS_CONFIG: file };
}

/** The policy that comes with the checkout, with TLS in front of it. */
function tlsPolicy(root: string, directory: string, certificate: TestCertificate, tlsPort: number): string {
  const { certificateFile, privateKeyFile } = certificate;
  const file = join(directory, "tls-policy.conf");
  writeFileSync(
    file,
    `tls_certificate = ${certificateFile}
tls_privatekey = ${privateKeyFile}
tls_on_connect_ports = ${tlsPort}
.include ${root}/deploy/policies/postbus.conf
`,
  );
  return file;
}

const FLEET = ["gateway", "verifier", "scanner", "router", "delivery", "logger", "status"] as const;

/**
 * Each service a process, on one nats-server with `sync_interval: always`; the server counts as part of the system.
 *
 * @param more Further processes.
 */
export function fleet(root: string, name = "postbus", more: readonly (typeof FLEET)[number][] = []): StartSystem {
  return async ({ sinkPort, hold, directory, filter }) => {
    const account = openAccount("fleet");
    const nats = await startNats({ syncAlways: true, commandPrefix: account.prefix });
    const port = await freePort();
    const verifying = filter === undefined ? {} : filtering(filter, sinkPort, directory);
    const env = { NATS_URL: nats.url, NATS_MONITOR_URL: nats.monitorUrl, ...verifying };
    const children: ChildProcess[] = [];
    const options = { root, account, directory, smtpPorts: String(port), sinkPort, env };
    await startPostbus({ ...options, command: "provision", services: [] });
    for (const [n, service] of (hold ? (["gateway"] as const) : [...FLEET, ...more]).entries()) {
      children.push(await startPostbus({ ...options, directory: `${directory}/${n}`, services: [service] }));
    }
    return {
      name: `${name} (fleet, NATS R1 always)`,
      port,
      account,
      async stop() {
        await Promise.all(children.map((child) => stopProcess(child)));
        await nats.stop();
        account.close();
      },
    };
  };
}

interface PostbusOptions {
  readonly root: string;
  readonly account: Account;
  readonly command?: "start" | "provision" | "gateway-alone";
  readonly services: readonly string[];
  readonly directory: string;
  /** A list in the policy's language. */
  readonly smtpPorts: string;
  readonly sinkPort: number;
  readonly env: Readonly<Record<string, string>>;
}

/** Resolves when it has said that it is ready, or (`provision`) when it has ended well. */
async function startPostbus(options: PostbusOptions): Promise<ChildProcess> {
  const { root, account, command = "start", services, directory, smtpPorts, sinkPort } = options;
  mkdirSync(directory, { recursive: true });
  const program =
    command === "gateway-alone"
      ? [process.execPath, "--no-maglev", join(import.meta.dirname, "../gateway-alone.ts"), root]
      : [join(root, "bin/postbus"), command, ...services];
  const [shell = "", ...prefix] = account.prefix;
  const own = {
    POSTBUS_DATA: directory,
    POSTBUS_MACROS: `SMTP_PORT=${smtpPorts}\nSMTP_ACCEPT_MAX=20000\nSMARTHOST=127.0.0.1::${sinkPort}`,
  };
  const env: NodeJS.ProcessEnv = { ...process.env, LOG_LEVEL: "warn", ...own, ...options.env };
  if (services.length === 0 || services.includes("status")) env["POSTBUS_HTTP"] = "127.0.0.1:0";
  const child = spawn(shell, [...prefix, ...program], { stdio: ["ignore", "pipe", "inherit"], env });
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.startsWith("postbus ready")) resolve();
    });
    child.on("exit", (code) => {
      if (code === 0 && command === "provision") resolve();
      else reject(new Error(`postbus ${command} ${services.join(" ")} ended with ${code}`));
    });
  });
  return child;
}
