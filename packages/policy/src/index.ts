export { compilePolicy } from "./compile-policy.ts";
export { loadPolicy } from "./load-policy.ts";
export type {
  AclPolicy,
  AppendfileTransport,
  ClientView,
  EnvelopeView,
  FactName,
  Policy,
  Route,
  SmtpPolicy,
  SmtpTransport,
  Transport,
  Verdict,
} from "./policy.ts";
