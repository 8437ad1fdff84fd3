export { makeCertificate, type TestCertificate } from "./certificate.ts";
export { type DccAnswer, type Dccifd, type DccQuestion, startDccifd } from "./dccifd.ts";
export { type DiskStep, diskFault, diskFiles, type FaultyWrites, readDiskSteps } from "./disk-fault.ts";
export { type DnsEntry, type DnsServer, type DnsServerOptions, type DnsZone, startDnsServer } from "./dns-server.ts";
export { dovecotIsMissing, startDovecotLmtp } from "./dovecot.ts";
export { eximAsClient } from "./exim-as-client.ts";
export { freePort } from "./free-port.ts";
export { type Haproxy, type HaproxyOptions, startHaproxy } from "./haproxy.ts";
export { type LoadOptions, type Submitted, submit } from "./load-client.ts";
export {
  answers,
  eximCommand,
  type MailServer,
  type MailServerOptions,
  postfixIsMissing,
  postfixSendmail,
  startExim,
  startPostfix,
  stopProcess,
} from "./mail-server.ts";
export { type MariadbServer, mariadbIsMissing, startMariadb } from "./mariadb-server.ts";
export { type NatsCluster, type NatsOptions, type NatsServer, startNats, startNatsCluster } from "./nats-server.ts";
export { makeOcspResponse } from "./ocsp-response.ts";
export { openSmtpdIsMissing, startOpenSmtpd } from "./opensmtpd.ts";
export { type PostbusOptions, type PostbusProcess, runPostbus, startPostbus } from "./postbus-process.ts";
export { type PostgresServer, postgresIsMissing, startPostgres } from "./postgres.ts";
export { program, serversDirectory } from "./program.ts";
export { type RecordingSink, type SinkOptions, startRecordingSink } from "./recording-sink.ts";
export { rspamdIsMissing, startRspamd } from "./rspamd.ts";
export { clamdIsMissing, spamdIsMissing, startClamd, startSpamd } from "./scan-daemons.ts";
export {
  type EngineAction,
  type ScriptedEngine,
  type ScriptedEngineOptions,
  startScriptedEngine,
} from "./scripted-engine.ts";
export {
  type PeerAction,
  type PeerMessage,
  type PeerMoment,
  type PeerQuestion,
  type SmtpPeer,
  type SmtpPeerOptions,
  startSmtpPeer,
} from "./smtp-peer.ts";
export { watchTurns } from "./watch-turns.ts";
