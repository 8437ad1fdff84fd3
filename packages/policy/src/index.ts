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
