import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { BusFullError } from "../../src/bus-error.ts";
import { makeRoomToOpen } from "../../src/embedded/directory.ts";
import { RESERVE_OCTETS, Reserve, ROOM_TO_OPEN_OCTETS } from "../../src/embedded/reserve.ts";
import { Room } from "../../src/embedded/room.ts";
import { eventually } from "../contract-items.ts";

function emptyDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "postbus-reserve-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const PLENTY = 10 * RESERVE_OCTETS;

test("it is made where there is twice the room, and takes up that room", async (t) => {
  const directory = emptyDirectory(t);
  const reserve = new Reserve(directory);
  reserve.makeIfRoom(2 * RESERVE_OCTETS - 1);
  await reserve.stop();
  assert.ok(!existsSync(join(directory, "reserve")));
  const another = new Reserve(directory);
  another.makeIfRoom(PLENTY);
  await eventually(() => assert.ok(another.isThere));
  const { size, blocks } = statSync(join(directory, "reserve"));
  assert.equal(size, RESERVE_OCTETS);
  assert.ok(blocks * 512 >= RESERVE_OCTETS, "a hole");
  assert.ok(new Reserve(directory).isThere);
});

test("given up, it leaves what the next process needs to begin, which that one may take", async (t) => {
  const directory = emptyDirectory(t);
  const reserve = new Reserve(directory);
  reserve.makeIfRoom(PLENTY);
  await eventually(() => assert.ok(reserve.isThere));
  await reserve.giveUp();
  assert.ok(!reserve.isThere);
  assert.equal(statSync(join(directory, "reserve")).size, ROOM_TO_OPEN_OCTETS);
  const next = new Reserve(directory);
  assert.ok(!next.isThere);
  await next.giveUpAll();
  assert.ok(!existsSync(join(directory, "reserve")));
  await next.giveUp();
  await next.giveUpAll();
  next.makeIfRoom(PLENTY);
  await eventually(() => assert.ok(next.isThere));
});

test("one that was being made when the bus is closed is none", async (t) => {
  const directory = emptyDirectory(t);
  const reserve = new Reserve(directory);
  reserve.makeIfRoom(PLENTY);
  await reserve.stop();
  assert.deepEqual(
    [existsSync(join(directory, "reserve")), existsSync(join(directory, "reserve.new"))],
    [false, false],
  );
});

test("on a disk that others keep full, two processes can begin with it, one after the other", async (t) => {
  const directory = emptyDirectory(t);
  const reserve = new Reserve(directory);
  reserve.makeIfRoom(PLENTY);
  await eventually(() => assert.ok(reserve.isThere));
  const size = (): number => statSync(join(directory, "reserve"), { throwIfNoEntry: false })?.size ?? 0;
  const sizes: number[] = [];
  for (let process = 0; process < 2; process++) {
    const room = new Room(directory);
    const before = size();
    t.mock.method(room, "look", async () => before - size());
    await makeRoomToOpen(directory, room);
    sizes.push(size());
  }
  assert.deepEqual(sizes, [ROOM_TO_OPEN_OCTETS, 0]);
  const third = new Room(directory);
  t.mock.method(third, "look", async () => 0);
  await assert.rejects(makeRoomToOpen(directory, third), BusFullError);
});
