import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Room } from "../../src/embedded/room.ts";
import { Settler } from "../../src/embedded/settler.ts";
import { openStore } from "./open-store.ts";
import { changed, type Rows, randomChanges, randomOf, sorted, summary } from "./random-changes.ts";

/**
 * A process that commits as fast as it can and kills itself. In the file `notes` of the directory it says what it does: a line
 * of JSON for what it found, for what it is about to have, and `"done"` when the store has said so.
 *
 *     node store-child.ts <directory> <seed> [settled]
 *
 * @param settled It kills itself when something has come to the tables' file, and at no other time.
 */
const [directory = "", seed = "1", when] = process.argv.slice(2);
const random = randomOf(Number(seed));
const notes = openSync(join(directory, "notes"), "a");
const note = (what: unknown): void => void writeSync(notes, `${JSON.stringify(what)}\n`);
// With little room the tables' file is written in steps.
const { look } = Room.prototype;
Room.prototype.look = async function (this: Room) {
  return random() < 0.3 ? 0 : look.call(this);
};
Room.prototype.need = async () => {};

const store = openStore(directory);
const { content } = store.tables;
let rows: Rows = new Map(
  Array.from(content.rows({ start: "" }), ({ key, value }) => [key, summary(value.toString("latin1"))]),
);
note({ found: sorted(rows) });
const die = (): void => void process.kill(process.pid, "SIGKILL");
// Of processor time: on a busy machine it has done as much by then as on any other.
const lifeMs = 200 + random() * 350;
const birth = process.cpuUsage();
const hasLived = (): boolean => {
  const { user, system } = process.cpuUsage(birth);
  return (user + system) / 1_000 > lifeMs;
};
const { settle } = Settler.prototype;
if (when === "settled") {
  Settler.prototype.settle = async function (this: Settler, settlement) {
    await settle.call(this, settlement);
    if (hasLived()) die();
  };
}
// Two of three die while a record is on its way to the disk, others wherever it happens.
const diesWriting = random() < 0.66 && when === undefined;
if (!diesWriting && when === undefined) setInterval(() => hasLived() && die(), 1);
for (let batch = 0; ; batch++) {
  const changes = randomChanges(random, `${seed}.${batch}.`);
  const next = changed(rows, changes);
  note({ begun: sorted(next) });
  if (diesWriting && hasLived()) setImmediate(die);
  await store.batch(() => {
    for (const [key, value] of changes) content.write(key, value);
  });
  note("done");
  rows = next;
}
