// node bench/src/bare-tls.ts PORT TLS-PORT CERTIFICATE KEY
//
// What Node.js itself makes of handshakes: the first port answers as much as a client needs to get to STARTTLS, the second
// begins with TLS; both know nothing but their banner and a few words.
import { readFileSync } from "node:fs";
import { createServer as createPlain, type Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";

const BANNER = "220 mx.bench.test ESMTP bare\r\n";
const EHLO = "250-mx.bench.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 52428800\r\n250 STARTTLS\r\n";
const [port, tlsPort, certificate = "", key = ""] = process.argv.slice(2);
const pair = { cert: readFileSync(certificate), key: readFileSync(key) };

const secured = createServer(pair, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.write(BANNER);
});
secured.listen({ port: Number(tlsPort), host: "127.0.0.1" });

const plain = createPlain({ noDelay: true }, (socket) => {
  socket.write(BANNER);
  speak(socket, () => {
    socket.removeAllListeners("data");
    socket.write("220 go ahead\r\n");
    // `secured` has made its context already; a socket alone would make one for each handshake.
    secured.emit("connection", socket);
  });
});
secured.on("secureConnection", (socket: TLSSocket) => speak(socket, () => undefined));
plain.listen({ port: Number(port), host: "127.0.0.1" }, () => void process.stdout.write("ready\n"));

function speak(socket: Socket, onStarttls: () => void): void {
  socket.on("error", () => socket.destroy());
  socket.on("data", (octets: Buffer) => {
    if (octets.toString("latin1").startsWith("STARTTLS")) onStarttls();
    else socket.write(EHLO);
  });
}
