/** Packets as a TUN device gives them. */

/** `struct virtio_net_hdr`, before the IP packet. */
export const VNET_HEADER_BYTES = 10;

/**
 * What a packet is on the wire, behind its {@link VNET_HEADER_BYTES}: one that the
 * kernel left uncut is charged with the headers of all its segments.
 */
export function wireBytes(packet: Uint8Array): number {
  const header = new DataView(packet.buffer, packet.byteOffset);
  const length = packet.length - VNET_HEADER_BYTES;
  const isUncut = header.getUint8(1) !== 0;
  if (!isUncut) return length;
  const headerBytes = header.getUint16(2, true);
  const segmentBytes = header.getUint16(4, true);
  const segments = Math.ceil((length - headerBytes) / segmentBytes);
  return length + (segments - 1) * headerBytes;
}
