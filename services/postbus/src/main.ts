import { enableCompileCache } from "node:module";
import { constants } from "node:os";
import { resolve } from "node:path";

// As process 1 of a container we get no signal that nobody listens to, and loading takes a moment: until a command
// listens itself, a signal does what it does to any other process.
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
  });
}

// A third of a start is compiling, which the next one finds done. Where nothing may be written, it is done each time.
enableCompileCache(resolve(import.meta.dirname, "../../../node_modules/.cache/postbus"));

const { runProgram } = await import("./program.ts");
process.exitCode = await runProgram(process.argv.slice(2));
