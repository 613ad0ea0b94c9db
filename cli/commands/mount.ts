import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ChunkReader } from '../../lib/bank/read/chunk-reader.ts';
import type { Clock } from '../../lib/clock.ts';
import { InvalidInput } from '../../lib/errors.ts';
import { guestDisk } from '../../lib/restore/guest-disk.ts';
import { type ListenAt, type NbdServer, startNbdServer } from '../../local/nbd/nbd-server.ts';
import type { CommandContext } from '../context.ts';
import { type PinnedCheckpoint, readPinned } from '../read-pinned.ts';
import { formatBytes } from '../terminal/format.ts';
import { printable } from '../terminal/printable.ts';

export interface MountOptions {
  socket?: string;
  listen?: string;
}

interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** Paths of sockets are this long at most, on Linux. */
const MAX_SOCKET_PATH_BYTES = 107;
const LOOK_AT_PIN_EVERY_MILLISECONDS = 60_000;

/**
 * `snapbank mount`: a checkpoint's disks as block devices to read from, by NBD, until Ctrl-C. Only what is looked at is read from the
 * bank. The checkpoint is pinned for as long. Needs no cloud.
 */
export async function mountCheckpoint(
  context: CommandContext,
  reference: string,
  options: MountOptions,
): Promise<void> {
  const address = options.listen === undefined ? undefined : addressOf(options.listen);
  if (address !== undefined && options.socket !== undefined) {
    throw new InvalidInput('Give --socket or --listen, not both.');
  }
  await readPinned(context, { reference, command: 'mount' }, (pinned) =>
    serve(context, pinned, { socket: options.socket, address }),
  );
}

async function serve(
  { env, output, signal }: CommandContext,
  { services, bank, readable, keepPin }: PinnedCheckpoint,
  { socket, address }: { socket: string | undefined; address: TcpAddress | undefined },
): Promise<void> {
  const { checkpoint, root, disks, description } = readable;
  let directory: string | undefined;
  let server: NbdServer | undefined;
  try {
    if (address === undefined && socket === undefined) {
      directory = await mkdtemp(join(env['XDG_RUNTIME_DIR'] ?? tmpdir(), 'snapbank-'));
    }
    const listenAt = address ?? {
      socketPath: socketPathOf(socket ?? join(String(directory), 'nbd.sock')),
    };
    server = await listening(listenAt, {
      exports: disks.map(({ number, content }) => ({
        name: String(number),
        description: `${description.server.name}, disk ${String(number)}, of ${root.createdAt}`,
        disk: guestDisk(new ChunkReader(bank, root, content), content),
      })),
      log: services.log,
    });
    const { port } = server;
    const uriOf = (number: number) =>
      'socketPath' in listenAt
        ? `nbd+unix:///${String(number)}?socket=${encodeURI(listenAt.socketPath)}`
        : `nbd://${bracketed(listenAt.host)}:${String(port)}/${String(number)}`;
    for (const { number, content } of disks) {
      const uri = uriOf(number);
      const { format, guestSizeBytes: sizeBytes } = content;
      output.event({ type: 'serving', checkpoint, uri, disk: number, sizeBytes });
      output.line(
        `Disk ${String(number)} of ${printable(description.server.name)} as of ${root.createdAt} (${format}, ${formatBytes(sizeBytes)}), read-only, at`,
      );
      output.line(`  ${uri}`);
    }
    output.line('for example:');
    for (const example of examples(uriOf(disks[0].number))) output.line(`  ${example}`);
    output.line('Ctrl-C ends it.');
    while (await hasPassed(LOOK_AT_PIN_EVERY_MILLISECONDS, services.clock, signal)) await keepPin();
    output.event({ type: 'summary', checkpoint, readBytes: server.readBytes });
    output.line(`${formatBytes(server.readBytes)} were read.`);
  } finally {
    await server?.close();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  }
}

/** Whether the time has passed; false where the signal aborted before. */
async function hasPassed(
  milliseconds: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await clock.sleep(milliseconds, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

async function listening(
  listenAt: ListenAt,
  options: Omit<Parameters<typeof startNbdServer>[0], 'listenAt'>,
): Promise<NbdServer> {
  try {
    return await startNbdServer({ ...options, listenAt });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const where = 'socketPath' in listenAt ? listenAt.socketPath : `port ${String(listenAt.port)}`;
    const why = code === 'EADDRINUSE' ? 'it is in use; choose another one' : String(cause);
    throw new InvalidInput(`Cannot listen at ${where}: ${why}.`, { cause });
  }
}

function socketPathOf(path: string): string {
  const whole = resolve(path);
  if (Buffer.byteLength(whole) <= MAX_SOCKET_PATH_BYTES) return whole;
  throw new InvalidInput(
    `The path of a socket has ${String(MAX_SOCKET_PATH_BYTES)} bytes at most, ${whole} has more: give a shorter one with --socket.`,
  );
}

/** `10809`, `127.0.0.1:10809`, `[::1]:10809`; a port alone is one of this computer only. */
function addressOf(text: string): TcpAddress {
  const match = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new InvalidInput(`--listen is "${text}"; it must be a PORT or an ADDRESS:PORT.`);
  }
  return { host: match[1] ?? match[2] ?? '127.0.0.1', port };
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function examples(uri: string): string[] {
  return [
    `mkdir disk && nbdfuse --readonly disk '${uri}'     # as the file disk/nbd; then: mount -o ro,noload,loop,offset=… disk/nbd /mnt`,
    `guestfish --ro --format=raw -a '${uri}' -i`,
    `qemu-img convert -O qcow2 '${uri}' disk.qcow2`,
  ];
}
