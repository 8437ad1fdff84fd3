/** The part of the WebAssembly interface that is used here: it belongs to the types of browsers, not of Node. */
declare namespace WebAssembly {
  class Module {
    constructor(octets: Uint8Array);
  }
  class Instance {
    constructor(module: Module, imports: Readonly<Record<string, never>>);
    readonly exports: object;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
}
