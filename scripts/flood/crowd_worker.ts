/**
 * Connections that say nothing, or the beginning of a handshake, on a thread of
 * their own: a measurement beside them is not slowed by its own flood. Who is
 * sent away comes back.
 */

/** What the Worker is told, once; it ends by being terminated. */
export interface CrowdOrder {
  port: number;
  silent: number;
  half: number;
}

/** How long who was sent away stays away on average, in milliseconds. */
const AGAIN_MS = 5000;

/** So many are on their way at the same time. */
const LANES = 50;

/** The head of a TLS record with a ClientHello, which does not follow. */
const HALF_HELLO = Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3);

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<CrowdOrder>) => void;
  postMessage(message: "here"): void;
};

scope.onmessage = async ({ data: { port, silent, half } }) => {
  const all = Array.from({ length: silent + half }, (_, i) => i < half);
  const first: Promise<void>[] = [];
  for (let lane = 0; lane < LANES; lane++) {
    first.push((async () => {
      for (let i = lane; i < all.length; i += LANES) {
        await new Promise<void>((arrived) => void stay(port, all[i]!, arrived));
      }
    })());
  }
  await Promise.all(first);
  scope.postMessage("here");
};

async function stay(
  port: number,
  isHalf: boolean,
  arrived: () => void,
): Promise<never> {
  for (;;) {
    try {
      using socket = await Deno.connect({ hostname: "127.0.0.1", port });
      arrived();
      if (isHalf) await socket.write(HALF_HELLO);
      await socket.read(new Uint8Array(64));
    } catch {
      arrived();
    }
    await new Promise((resolve) =>
      setTimeout(resolve, 2 * AGAIN_MS * Math.random())
    );
  }
}
