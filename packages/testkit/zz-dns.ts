import { startDnsServer } from "./src/index.ts";
const A = (t: string) => ({ TXT: [t] });
const zone: any = {
  "pass.ex": A("v=spf1 ip4:192.0.2.0/24 -all"), "fail.ex": A("v=spf1 -all"), "softfail.ex": A("v=spf1 ~all"), "neutral.ex": A("v=spf1 ?all"),
  "default.ex": A("v=spf1 ip4:198.51.100.1"), "nospf.ex": A("nothing"), "two.ex": { TXT: ["v=spf1 -all", "v=spf1 +all"] },
  "bad.ex": A("v=spf1 foo:bar -all"), "badip.ex": A("v=spf1 ip4:999.1.2.3 -all"), "temp.ex": "SERVFAIL", "exp.ex": A("v=spf1 exp=e.exp.ex -all"), "e.exp.ex": A("Go away %{i} from %{d}"),
  "loop.ex": A("v=spf1 include:loop.ex -all"), "void.ex": A("v=spf1 a:v1.ex2 a:v2.ex2 a:v3.ex2 +all"), "inctemp.ex": A("v=spf1 include:temp.ex -all"), "incnone.ex": A("v=spf1 include:nospf.ex -all"),
  "helo.ex": A("v=spf1 ip4:192.0.2.1 -all"), "hfail.ex": A("v=spf1 -all"),
  "guess.ex": { TXT: ["hi"], A: ["192.0.2.77"], MX: ["10 mail.guess.ex"] }, "mail.guess.ex": {A:["192.0.2.78"]}, "guess2.ex": { TXT: ["hi"], A: ["203.0.113.9"] },
  "redir.ex": A("v=spf1 redirect=fail.ex"), "many.ex": A("v=spf1 " + Array.from({length: 11}, (_, i) => `exists:e${i}.many.ex`).join(" ") + " +all"),
};
for (let i = 0; i < 11; i++) zone[`e${i}.many.ex`] = { TXT: ["x"] };
const port = Number(process.env.DPORT ?? "53");
const s = await startDnsServer(zone, { port });
console.log(s.address);
