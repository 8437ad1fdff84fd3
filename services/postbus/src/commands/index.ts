import type { Command } from "../command.ts";

/** Every command, in the order in which `postbus help` shows them. Adding one = a file and an entry here. */
export const commands: Readonly<Record<string, Command>> = {
  start: {
    synopsis: "[SERVICE...] [--config FILE] [--data DIR] [-DNAME=value...]",
    summary: "run everything in one process; with names, or with NATS_URL, those services on NATS",
    load: async () => (await import("./start.ts")).start,
  },
  check: {
    synopsis: "[--config FILE] [--portable] [-DNAME=value...]",
    summary: "read the policy file and say what is wrong with it",
    load: async () => (await import("./check.ts")).check,
  },
  session: {
    synopsis: "--from IP[:PORT] [--config FILE] [-DNAME=value...]",
    summary: "an SMTP session on standard input and output as if from that host; nothing is queued",
    load: async () => (await import("./session.ts")).session,
  },
  expand: {
    synopsis: "[--config FILE] [--stdin] [-DNAME=value...] [STRING...]",
    summary: "expand strings of the policy language and show what they give",
    load: async () => (await import("./expand.ts")).expand,
  },
  route: {
    synopsis: "[--config FILE] [--from ADDRESS] [--trace] [-DNAME=value...] [ADDRESS...]",
    summary: "how the routers of a policy file route addresses; nothing is sent",
    load: async () => (await import("./route.ts")).route,
  },
  exim: {
    synopsis: "[-C FILE] [-DNAME=value...] -be | -bh | -bt | -bV | -bP | -bp | -M [...]",
    summary: "Exim's flags, for scripts that have them",
    load: async () => (await import("./exim.ts")).exim,
  },
  options: {
    synopsis: "",
    summary: "the reference of everything that a policy file can set, in Markdown",
    load: async () => (await import("./options.ts")).options,
  },
  provision: {
    synopsis: "[--replicas N]",
    summary: "prepare the NATS server of NATS_URL for the fleet; may be repeated",
    load: async () => (await import("./provision.ts")).provision,
  },
  "ocsp-fetch": {
    synopsis: "-c CERT -o FILE [-i ISSUER] [-u URL] [-m PERCENT] [-f] [-v]",
    summary: "fetch the proof that a certificate is not revoked, for tls_ocsp_file",
    load: async () => (await import("./ocsp-fetch.ts")).ocspFetch,
  },
  send: {
    synopsis: "[--from ADDRESS] [--to ADDRESS...] [--subject TEXT] [--body TEXT | --file FILE] [...]",
    summary: "send a message by SMTP and show the replies",
    load: async () => (await import("./send.ts")).send,
  },
  sink: {
    synopsis: "[--listen HOST:PORT] [--whole] [--store DIR] [--reject PATTERN] [--defer PATTERN] [...]",
    summary: "receive messages by SMTP and show or store them",
    load: async () => (await import("./sink.ts")).sink,
  },
  reload: {
    synopsis: "[--json]",
    summary: "all services read the policy file again",
    load: async () => (await import("./reload.ts")).reload,
  },
  queue: {
    synopsis:
      "[list | count | show ID | now ID | freeze ID | thaw ID | bounce ID | remove ID | delivered ID ADDRESS... | all-delivered ID | add ID ADDRESS... | sender ID ADDRESS | exim-list | exim-count] [--json]",
    summary: "the messages that are not delivered yet",
    load: async () => (await import("./queue.ts")).queue,
  },
  suspend: {
    synopsis: "[TARGET [--for TIME] [--reason TEXT]] [--json]",
    summary: "deliver nothing to a domain or a host for now",
    load: async () => (await import("./suspend.ts")).suspend,
  },
  resume: {
    synopsis: "TARGET... [--json]",
    summary: "deliver to a domain or a host again",
    load: async () => (await import("./resume.ts")).resume,
  },
  trace: {
    synopsis: "ID [--json]",
    summary: "the journey of a message",
    load: async () => (await import("./trace.ts")).trace,
  },
  watch: {
    synopsis: "[--from NETWORK...] [--helo TEXT] [--sender TEXT] [--recipient TEXT] [--limit N] [--seconds N] [--json]",
    summary: "what clients and the gateways say to each other, as it happens",
    load: async () => (await import("./watch.ts")).watch,
  },
  top: {
    synopsis: "[--interval SECONDS] [--once]",
    summary: "live counters",
    load: async () => (await import("./top.ts")).top,
  },
};
