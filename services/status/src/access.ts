import { createHash, timingSafeEqual } from "node:crypto";
import { BlockList, isIP } from "node:net";
import { ConfigError } from "@postbus/mail";
import type { Endpoint } from "@postbus/service-kit";
import { ProblemError } from "./problem.ts";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Whether only this host can reach the address or name. */
export function isLoopback(host: string): boolean {
  if (host === "localhost") return true;
  const family = isIP(host);
  return family !== 0 && loopback.check(host, family === 6 ? "ipv6" : "ipv4");
}

/** @throws {ConfigError} others could change the queue. */
export function checkExposure({ host }: Endpoint, token: string | undefined): void {
  if (token !== undefined || isLoopback(host)) return;
  throw new ConfigError(
    `POSTBUS_HTTP: ${host} can be reached from other hosts: set POSTBUS_HTTP_TOKEN, so that not everybody can change the queue`,
  );
}

export interface Asked {
  /** Header Host. */
  readonly host: string | undefined;
  /** Header Origin: set by browsers where a page of another site may be behind the request. */
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
}

/**
 * Without a token the network is the protection, and a browser on this host is a hole in it: any web page could make
 * it send requests here, under our address or under a name that points to it. So names of other hosts are refused.
 *
 * @throws {ProblemError} 403
 */
export function checkReader({ host }: Asked, token: string | undefined): void {
  if (token !== undefined) return;
  const name = host?.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  if (name === undefined || !isLoopback(name)) {
    throw new ProblemError(403, "WRONG_HOST", "without POSTBUS_HTTP_TOKEN, only requests to localhost are answered");
  }
}

/**
 * For requests that change something.
 *
 * @throws {ProblemError} 401, 403
 */
export function checkOperator(asked: Asked, token: string | undefined): void {
  const { origin, host, authorization } = asked;
  if (origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host)) {
    throw new ProblemError(403, "WRONG_ORIGIN", "the request comes from a page of another site");
  }
  if (token === undefined) return;
  const given = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  if (given === undefined)
    throw new ProblemError(401, "TOKEN_REQUIRED", "send Authorization: Bearer <POSTBUS_HTTP_TOKEN>");
  // Digests have one length, and comparing them takes the same time however many octets are right.
  if (!timingSafeEqual(sha256(given), sha256(token))) {
    throw new ProblemError(403, "WRONG_TOKEN", "the token is not the one that is set");
  }
}

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();
