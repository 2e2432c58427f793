/**
 * The same octets in a buffer of their own; copied only where they share one.
 *
 * Cloning a view for another thread copies the whole buffer behind it: a small Buffer would take its neighbours in the
 * slab along.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
}
