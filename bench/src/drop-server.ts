// node bench/src/drop-server.ts PORT
//
// The package smtp-server, which takes every message and forgets it.
import { SMTPServer } from "smtp-server";

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ["AUTH", "STARTTLS"],
  disableReverseLookup: true,
  onData(stream, _session, callback) {
    stream.resume();
    stream.once("end", () => callback());
  },
});
server.on("error", () => {}); // A client that leaves.
server.listen(Number(process.argv[2]), "127.0.0.1", () => void process.stdout.write("ready\n"));
