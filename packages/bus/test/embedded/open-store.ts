import { Room } from "../../src/embedded/room.ts";
import { Store, type StoreOptions } from "../../src/embedded/store.ts";

/** The store of a directory, without a bus. A failure that only another process can mend is the test's own to notice. */
export const openStore = (directory: string, more: Partial<StoreOptions> = {}): Store =>
  new Store({ directory, room: new Room(directory), onFailure: () => undefined, ...more });
