import type { Bank } from '../../../lib/bank/bank.ts';
import { type CreateBankOptions, createBank } from '../../../lib/bank/create-bank.ts';
import type { Root } from '../../../lib/bank/format/root.ts';
import type { SegmentReceipt } from '../../../lib/bank/format/receipt.ts';
import { segmentCountOf } from '../../../lib/bank/geometry.ts';
import { newSecretKey, type SecretKey } from '../../../lib/bank/keys/key-text.ts';
import type { NewAccess } from '../../../lib/bank/keys/new-access.ts';
import type { BankPlaces } from '../../../lib/bank/places.ts';
import type { RootReference } from '../../../lib/bank/register/record.ts';
import { putRoot } from '../../../lib/bank/roots.ts';
import { assembleRoot, type PinnedRoot } from '../../../lib/bank/write/assemble-root.ts';
import { readSegmentSources } from '../../../lib/bank/write/segment-source.ts';
import { SegmentWriter } from '../../../lib/bank/write/segment-writer.ts';
import type { DiskPiece } from '../../../lib/disk/disk.ts';
import { memoryStore } from './store/memory-store.ts';

/** Small enough that a few KiB are several segments. */
export const CHUNK = 4096;
export const CHUNKS_PER_SEGMENT = 8;
export const SEGMENT = CHUNK * CHUNKS_PER_SEGMENT;

/** Weak on purpose: the tests derive many. */
export const QUICK_SCRYPT = { N: 1024, r: 8, p: 1 };

export function memoryPlaces(): BankPlaces {
  return {
    bank: memoryStore({ location: 'memory:bank' }),
    register: memoryStore({ location: 'memory:register' }),
    work: memoryStore({ location: 'memory:work' }),
  };
}

export function readerOf(key: SecretKey): NewAccess {
  return { label: 'operator', role: 'reader', publicKey: key.publicKey };
}

/** A new bank in memory with small chunks, sealed to one key unless told otherwise. */
export function aBank(
  options: Partial<CreateBankOptions> = {},
  places: BankPlaces = memoryPlaces(),
): Promise<Bank> {
  return createBank(places, {
    access: [readerOf(newSecretKey())],
    chunkSizeBytes: CHUNK,
    chunksPerSegment: CHUNKS_PER_SEGMENT,
    ...options,
  });
}

/** A disk's bytes as a reader of disks hands them out: zeros come as bytes, unless `holes` says that they were never written. */
export function* piecesOf(
  bytes: Uint8Array,
  start: number,
  end: number,
  pieceBytes = CHUNK,
): Generator<DiskPiece> {
  for (let offset = start; offset < end; offset += pieceBytes) {
    const length = Math.min(pieceBytes, end - offset);
    yield { offset, length, bytes: bytes.subarray(offset, offset + length) };
  }
}

export interface BackUpOptions {
  checkpoint?: string;
  parent?: BackedUp;
  base?: BackedUp;
  damagedPacks?: ReadonlySet<string>;
  packSizeBytes?: number;
}

export interface BackedUp extends PinnedRoot {
  ref: RootReference;
  receipts: SegmentReceipt[];
  root: Root;
}

let serial = 0;

/** Ids of checkpoints, none used twice. */
export function newCheckpoint(): string {
  serial += 1;
  return serial.toString(16).padStart(24, '0');
}

/** Backs up a disk the way the functions do: segment by segment, then root. */
export async function backUp(
  bank: Bank,
  disk: Uint8Array,
  options: BackUpOptions = {},
): Promise<BackedUp> {
  const { parent, base, damagedPacks, packSizeBytes } = options;
  const checkpoint = options.checkpoint ?? newCheckpoint();
  const guestSizeBytes = disk.length;
  const ancestors = [parent, base].flatMap((one) => (one === undefined ? [] : [one.root]));
  const { chunkSizeBytes, chunksPerSegment } = bank.info;
  const segmentBytes = chunkSizeBytes * chunksPerSegment;
  const limits = packSizeBytes === undefined ? {} : { packSizeBytes };
  const receipts: SegmentReceipt[] = [];
  const count = segmentCountOf({ guestSizeBytes, chunkSizeBytes, chunksPerSegment });
  for (let segment = 0; segment < count; segment++) {
    const at = { disk: 0, segment };
    const known = damagedPacks === undefined ? {} : { damagedPacks };
    const sources = await readSegmentSources(bank, ancestors, at, known);
    const writer = new SegmentWriter(bank, { checkpoint, ...at, guestSizeBytes }, sources, limits);
    const start = segment * segmentBytes;
    const end = Math.min(guestSizeBytes, start + segmentBytes);
    for (const piece of piecesOf(disk, start, end, chunkSizeBytes)) await writer.write(piece);
    receipts.push(await writer.finish());
  }
  const root = assembleRoot(bank, {
    checkpoint,
    createdAt: '2026-01-02T03:04:05.000Z',
    execution: 'test',
    label: null,
    identity: { cloud: 'cloud.example/v3', region: 'one', projectId: 'p', serverId: 's' },
    description: { server: { name: 'web' } },
    lockedUntil: null,
    parent: parent ?? null,
    base: base ?? null,
    disks: [{ disk: 0, guestSizeBytes, format: 'raw', receipts }],
  });
  const ref = await putRoot(bank, root);
  return { root, ref, receipts, pin: { checkpoint, root: ref } };
}
