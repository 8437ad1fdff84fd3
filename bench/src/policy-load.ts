import { readConfiguration } from "@postbus/policy";

/**
 * How long a large policy file takes to load.
 *
 *     node bench/src/policy-load.ts [lines] [runs]
 */
const [lines = 5_000, runs = 20] = process.argv.slice(2).map(Number);
const text = Buffer.from(policy(lines), "latin1");
const times: number[] = [];
for (let i = 0; i < runs; i++) {
  const started = performance.now();
  const { configuration, problems } = readConfiguration({
    file: "/policy",
    readFile: (path) => (path === "/policy" ? text : undefined),
  });
  times.push(performance.now() - started);
  const errors = problems.filter(({ kind }) => kind === "error");
  if (errors.length > 0 || configuration.routers.length === 0)
    throw new Error(`not read: ${JSON.stringify(errors[0])}`);
}
const [first = 0] = times;
const median = times.toSorted((a, b) => a - b)[Math.floor(runs / 2)] ?? 0;
process.stdout.write(
  `policy of ${text.toString("latin1").split("\n").length} lines, ${text.length} octets: ` +
    `first load ${first.toFixed(0)} ms, median of ${runs} ${median.toFixed(1)} ms\n`,
);

/** A file with about so many lines, of all sections, with a macro in every tenth line. */
function policy(wanted: number): string {
  const part = Math.floor(wanted / 86);
  const numbered = (count: number, make: (i: number) => string): string =>
    Array.from({ length: count }, (_, i) => make(i)).join("");
  return [
    numbered(part * 5, (i) => `MACRO_${String(i).padStart(5, "0")} = value${i}.example.org\n`),
    "primary_hostname = mx.example.org\nprdr_enable\nsmtp_accept_max = 2K\nacl_smtp_rcpt = acl_0\n",
    ".ifdef _HAVE_TLS\ntls_advertise_hosts = *\n.endif\n",
    numbered(
      part * 5,
      (i) => `domainlist list_${i} = a${i}.example : *.b${i}.example : \\\n  MACRO_${String(i).padStart(5, "0")}\n`,
    ),
    "begin acl\n",
    numbered(part * 3, (i) =>
      [
        `acl_${i}:`,
        `  accept  domains = +list_${i}`,
        "          endpass",
        "          verify = recipient",
        `          # comment ${i}`,
        "  deny    message = ${if def:sender_host_name {$sender_host_name}{nobody}} is not welcome",
        `          !hosts = 10.0.0.0/8 : 192.0.2.${i % 256}`,
        `          condition = \${if eq{$sender_address_domain}{MACRO_${String(i).padStart(5, "0")}}}`,
        "  warn    set acl_m_seen = yes",
        "          logwrite = seen $sender_address",
        "  require verify = header_syntax\n",
      ].join("\n"),
    ),
    "begin routers\n",
    numbered(part * 2, (i) =>
      [
        `router_${i}:`,
        "  driver = manualroute",
        `  domains = +list_${i}`,
        `  route_list = * MACRO_${String(i).padStart(5, "0")} byname`,
        "  transport = transport_0",
        "  headers_add = X-Router: $router_name",
        "  no_more\n",
      ].join("\n"),
    ),
    "begin transports\n",
    numbered(part * 2, (i) =>
      [
        `transport_${i}:`,
        "  driver = smtp",
        "  hosts_try_chunking = *",
        "  final_timeout = 10m",
        "  max_rcpt = 50",
        "  tls_verify_certificates = system",
        "  return_path = ${lc:$return_path}\n",
      ].join("\n"),
    ),
    "begin retry\n",
    numbered(part * 5, (i) => `*.b${i}.example  *  F,2h,15m; G,16h,1h,1.5; F,4d,6h\n`),
    "*  *  F,2h,15m\nbegin rewrite\n",
    numbered(part * 5, (i) => `*@a${i}.example  $1@MACRO_${String(i).padStart(5, "0")}  Ffs\n`),
  ].join("");
}
