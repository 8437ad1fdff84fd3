/**
 * A value of a JSON file. Strings are the octets of their UTF-8 form; whole numbers (`bigint`) and others are told apart
 * by how they are written, as in the jansson library, and members keep their order.
 */
export type JsonValue = string | bigint | number | boolean | null | JsonArray | JsonObject;

export interface JsonArray extends ReadonlyArray<JsonValue> {}
export interface JsonObject extends ReadonlyMap<string, JsonValue> {}
