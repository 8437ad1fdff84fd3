import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FastifyPluginAsync } from "fastify";

const files = [
  { url: "/", file: "index.html", type: "text/html; charset=utf-8" },
  { url: "/page.js", file: "page.js", type: "text/javascript; charset=utf-8" },
  { url: "/page.css", file: "page.css", type: "text/css; charset=utf-8" },
] as const;

/** Nothing from elsewhere, nothing inline: what a peer wrote into a message cannot become a script here. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The page: three files as they are, which ask the API like anybody else. */
export const page: FastifyPluginAsync = async (app) => {
  for (const { url, file, type } of files) {
    const content = await readFile(join(import.meta.dirname, "../page", file));
    const etag = `"${createHash("sha256").update(content).digest("base64url")}"`;
    app.get(url, { schema: { hide: true } }, async (request, response) => {
      void response
        .header("etag", etag)
        .header("cache-control", "no-cache")
        .header("content-security-policy", POLICY)
        .header("referrer-policy", "no-referrer");
      if (request.headers["if-none-match"] === etag) return response.code(304).send();
      return response.type(type).send(content);
    });
  }
};
