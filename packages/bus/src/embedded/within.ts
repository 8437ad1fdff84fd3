/** What a disk does may last for ever; who waits for it must not. @throws it has not come within that time. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const { promise: passed, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`the disk has not answered for ${ms} ms`)), ms);
  try {
    return await Promise.race([promise, passed]);
  } finally {
    clearTimeout(timer);
  }
}
