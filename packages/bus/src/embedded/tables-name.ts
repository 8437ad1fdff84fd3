import { closeSync, existsSync, linkSync, openSync, readSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "@postbus/mail";
import { syncDirectory } from "./sync-directory.ts";
import { TABLES_NAME } from "./tables-file.ts";

/** Where builds without a journal have the tables, and where everybody finds them when no process has them. */
const PLAIN_NAME = "data.mdb";
/** Where LMDB keeps its magic number and format version in the first page. */
const MAGIC_AT = 24;
const MAGIC = 0xbeefc0de;
/** The format of the `lmdb` package. Opening the standard one with it ends the process with SIGSEGV. */
const FORMAT = 2;
/** What is in the place of the tables while they need the journal. */
const MARK = `The tables are in ${TABLES_NAME}, and what was committed last is in journal-0 and journal-1.
A build that does not know these files must not begin anew here: stop the one that does in order (SIGTERM), and the tables
are in this place again.
`;

/**
 * The tables change their name while a process has them: a build that knows no journal would not miss what is only there. It
 * finds a file that is none of its own, and refuses. Only by who has the directory's lock.
 *
 * @throws {ConfigError} a file is not what its name says.
 */
export function takeTables(directory: string): void {
  const [plain, tables] = [join(directory, PLAIN_NAME), join(directory, TABLES_NAME)];
  const found = kindOf(plain);
  if (found === "another's") throw new ConfigError(`bus: ${plain} is not a file of Postbus`);
  const hasTables = existsSync(tables);
  const taken = kindOf(tables);
  if (taken !== "nothing" && taken !== "tables") throw new ConfigError(`bus: ${tables} is not a file of Postbus`);
  if (found === "tables") {
    if (!hasTables) {
      linkSync(plain, tables);
      // Without it the mark might be all that a power failure leaves: then nobody would have the tables.
      syncDirectory(directory);
    }
    // The same file: a process has died between the two steps. Two files: somebody has begun anew beside the tables.
    else if (statSync(plain).ino !== statSync(tables).ino) {
      throw new ConfigError(
        `bus: ${directory} has both ${PLAIN_NAME} and ${TABLES_NAME}: one of them must be moved away`,
      );
    }
  }
  if (found !== "tables" && taken === "nothing" && existsSync(join(directory, "journal-0"))) {
    const what = hasTables ? "empty" : "missing";
    throw new ConfigError(`bus: ${tables} is ${what}: it has the mail that was accepted, and a journal is there`);
  }
  if (found !== "mark") {
    writeFileSync(`${plain}.new`, MARK, { mode: 0o600, flush: true });
    renameSync(`${plain}.new`, plain);
  }
  syncDirectory(directory);
}

/** Nothing is in the journal that is not in the tables: any build may have them. Nobody may have them open. */
export function giveTablesBack(directory: string): void {
  renameSync(join(directory, TABLES_NAME), join(directory, PLAIN_NAME));
  syncDirectory(directory);
}

function kindOf(path: string): "tables" | "mark" | "nothing" | "another's" {
  const head = Buffer.alloc(MAGIC_AT + 8);
  try {
    const file = openSync(path, "r+");
    try {
      // An empty file is one that was never written: LMDB begins anew in it.
      if (readSync(file, head, 0, head.length, 0) === 0) return "nothing";
    } finally {
      closeSync(file);
    }
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return "nothing";
    throw err;
  }
  if (head.toString("latin1") === MARK.slice(0, head.length)) return "mark";
  // The fields are in the machine's byte order; every machine that Node.js runs on today is little-endian, bar s390x.
  return head.readUInt32LE(MAGIC_AT) === MAGIC && head.readUInt16LE(MAGIC_AT + 4) === FORMAT ? "tables" : "another's";
}
