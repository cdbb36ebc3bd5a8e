/**
 * A bare TCP stream, as what a link allows: so many bytes over so many
 * connections, no encryption, no files. The time begins with connecting and ends
 * when the receiver has all of it and, for a put, has said so.
 *
 *     deno run -A bare.ts serve ADDRESS
 *     deno run -A bare.ts put|get ADDRESS PORT BYTES CONNECTIONS
 */

const CHUNK_BYTES = 256 * 1024;
/** The kind, then the number of bytes. */
const REQUEST_BYTES = 16;

/** What the server says when it listens. */
export interface Ready {
  port: number;
}

/** What a client says at the end. */
export interface Done {
  seconds: number;
}

async function serve(hostname: string): Promise<void> {
  const listener = Deno.listen({ hostname, port: 0 });
  say({ port: listener.addr.port } satisfies Ready);
  for await (const conn of listener) void answer(conn);
}

async function answer(conn: Deno.Conn): Promise<void> {
  using _ = conn;
  try {
    const request = new DataView(new ArrayBuffer(REQUEST_BYTES));
    await read(conn, REQUEST_BYTES, new Uint8Array(request.buffer));
    const bytes = request.getFloat64(8);
    const buffer = new Uint8Array(CHUNK_BYTES);
    if (request.getUint8(0) === 0) {
      await write(conn, bytes, buffer);
    } else {
      await read(conn, bytes, buffer);
      await write(conn, 1, buffer);
    }
  } catch (error) {
    // A client that leaves says itself why.
    if (!isEndOfConnection(error)) throw error;
  }
}

function isEndOfConnection(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.UnexpectedEof;
}

async function move(
  isPut: boolean,
  { bytes, address }: { bytes: number; address: Deno.ConnectOptions },
): Promise<void> {
  using conn = await Deno.connect(address);
  conn.setNoDelay(true);
  const request = new DataView(new ArrayBuffer(REQUEST_BYTES));
  request.setUint8(0, isPut ? 1 : 0);
  request.setFloat64(8, bytes);
  await write(conn, REQUEST_BYTES, new Uint8Array(request.buffer));
  const buffer = new Uint8Array(CHUNK_BYTES);
  if (isPut) await write(conn, bytes, buffer);
  await read(conn, isPut ? 1 : bytes, buffer);
}

/** So many bytes of a buffer, which is sent again and again. */
async function write(
  conn: Deno.Conn,
  bytes: number,
  buffer: Uint8Array,
): Promise<void> {
  for (let left = bytes; left > 0;) {
    left -= await conn.write(buffer.subarray(0, left));
  }
}

/** So many bytes into a buffer, which is overwritten if it is shorter. */
async function read(
  conn: Deno.Conn,
  bytes: number,
  buffer: Uint8Array,
): Promise<void> {
  for (let left = bytes; left > 0;) {
    const count = await conn.read(buffer.subarray(0, left));
    if (count === null) throw new Deno.errors.UnexpectedEof("cut short");
    left -= count;
  }
}

function say(what: Ready | Done): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(what)}\n`));
}

if (import.meta.main) {
  const [kind, hostname, port, bytes, connections] = Deno.args;
  if (kind === "serve") {
    await serve(hostname!);
  } else {
    const address = { hostname: hostname!, port: Number(port) };
    const share = Math.ceil(Number(bytes) / Number(connections));
    const started = performance.now();
    await Promise.all(
      Array.from(
        { length: Number(connections) },
        () => move(kind === "put", { bytes: share, address }),
      ),
    );
    say({ seconds: (performance.now() - started) / 1000 } satisfies Done);
  }
}
