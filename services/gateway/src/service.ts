import { openResolver } from "@postbus/dns";
import { type Policy, PolicyInForce } from "@postbus/policy";
import { KeyValueRates, openRedisRates } from "@postbus/rates";
import { type Service, startReloadListener } from "@postbus/service-kit";
import { sweepScanDirectories } from "@postbus/spool";
import { scanRoot } from "./content-stages.ts";
import { startGateway } from "./gateway.ts";
import { policyParts } from "./policy-parts.ts";
import { restartNotice } from "./restart-notice.ts";
import { GatewaySettings } from "./settings.ts";
import { ProofRenewal } from "./tls/proof-renewal.ts";
import { tlsBucket } from "./tls/shared-tls.ts";
import { TicketKeys } from "./tls/ticket-keys.ts";
import { Watchers } from "./watch/watchers.ts";

/** Unpacked parts of messages that nobody looks at any more: a process has died, or the policy has kept them. */
const OLD_SCAN_MS = 24 * 3_600_000;
const SWEEP_EVERY_MS = 3_600_000;

/** SMTP in: sessions, ACLs, facts while the client waits, and 250 only when the message is on stable storage. */
export const gateway: Service<typeof GatewaySettings> = {
  name: "gateway",
  settings: GatewaySettings,
  async start({ settings, bus, log, metrics, instance }) {
    const { config: file, macros, data, dnsServers, redisUrl } = settings;
    // A start that fails says what it failed for, and nothing else.
    let listening: Policy["smtp"] | undefined;
    const tellNotices = ({ notices }: Policy): void => {
      for (const notice of notices) log.warn({ notice }, "policy");
    };
    const values = bus.keyValue(tlsBucket);
    const proofs = new ProofRenewal({ values, log, metrics });
    const shared = {
      ticketKeys: new TicketKeys(values, log),
      proofSource: proofs.proofOf.bind(proofs),
    };
    const policy = await PolicyInForce.start({
      ...{ file, macros, data, log },
      resolver: await openResolver(dnsServers),
      use: async (loaded) => {
        const parts = await policyParts(loaded, log, shared);
        if (listening !== undefined) {
          tellNotices(loaded);
          const notice = restartNotice(listening, loaded.smtp);
          if (notice !== undefined) log.warn({ notice }, "policy");
        }
        return parts;
      },
    }).catch(async (err) => {
      await proofs.stop();
      throw err;
    });
    await sweepScanDirectories(scanRoot(data), OLD_SCAN_MS);
    const sweeping = setInterval(() => {
      sweepScanDirectories(scanRoot(data), OLD_SCAN_MS).catch((err: unknown) => log.warn({ err }, "old parts stay"));
    }, SWEEP_EVERY_MS).unref();
    const redis = redisUrl === undefined ? undefined : await openRedisRates({ url: redisUrl });
    const rates = redis ?? new KeyValueRates(bus.keyValue("rates"), Date.now);
    const watchers = new Watchers(bus, instance);
    const part = await startGateway({ settings, inForce: policy, rates, watchers, bus, log, metrics }).catch(
      async (err) => {
        await policy.stop();
        await proofs.stop();
        throw err;
      },
    );
    listening = policy.current.policy.smtp;
    tellNotices(policy.current.policy);
    const control = await startReloadListener({ bus, service: "gateway", instance, policy });
    return [
      proofs,
      { name: "policy", stop: () => policy.stop() },
      { name: "scan directory", stop: async () => clearInterval(sweeping) },
      { name: "rates", stop: async () => redis?.stop() },
      control,
      await watchers.start(bus),
      part,
    ];
  },
};
