import type { Bank } from '../bank.ts';
import { ObjectDamaged } from '../errors.ts';
import { unwrap, wrap } from '../format/envelope.ts';
import { SegmentReceipt } from '../format/receipt.ts';
import { receiptKey, receiptPrefix } from '../object-keys.ts';
import { mapInOrder } from '../register/in-order.ts';
import { ObjectNotFound } from '../store/errors.ts';
import type { CallOptions } from '../store/object-store.ts';

const MAX_RECEIPT_BYTES = 64 * 1024 * 1024;
const READS_IN_FLIGHT = 16;

/** Whose segments: receipts of one image are never mixed with those of another, which a repeated backup may have had to take. */
export interface ReceiptScope {
  readonly checkpoint: string;
  readonly imageId: string;
}

/** Says that a segment is done. Which one stays of two attempts' receipts does not matter: each is whole. */
export async function putReceipt(
  { places, keys }: Bank,
  { checkpoint, imageId }: ReceiptScope,
  receipt: SegmentReceipt,
  options?: CallOptions,
): Promise<void> {
  const key = receiptKey(checkpoint, imageId, receipt.disk, receipt.segment);
  const plain = Buffer.from(JSON.stringify(receipt));
  await places.work.put(key, await wrap(keys, { kind: 'receipt', key }, plain), options);
}

/** The receipt of a segment; undefined when there is none that can be believed: the segment is then read again. */
export async function readReceipt(
  { places, keys }: Bank,
  { checkpoint, imageId }: ReceiptScope,
  { disk, segment }: { disk: number; segment: number },
  options?: CallOptions,
): Promise<SegmentReceipt | undefined> {
  const key = receiptKey(checkpoint, imageId, disk, segment);
  try {
    const bytes = await places.work.get(key, options);
    const plain = await unwrap(keys, { kind: 'receipt', key }, bytes, MAX_RECEIPT_BYTES);
    const receipt = SegmentReceipt.safeParse(JSON.parse(plain.toString('utf8')));
    return receipt.data?.disk === disk && receipt.data.segment === segment
      ? receipt.data
      : undefined;
  } catch (error) {
    if (error instanceof ObjectNotFound || error instanceof ObjectDamaged) return undefined;
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** All receipts of a disk, ascending by segment. */
export async function readReceipts(
  bank: Bank,
  scope: ReceiptScope,
  disk: number,
  options?: CallOptions,
): Promise<SegmentReceipt[]> {
  const prefix = `${receiptPrefix(scope.checkpoint, scope.imageId)}${disk}-`;
  const found: SegmentReceipt[] = [];
  const listed = bank.places.work.list(prefix, options);
  const read = mapInOrder(listed, READS_IN_FLIGHT, ({ key }) =>
    readReceipt(bank, scope, { disk, segment: Number(key.slice(prefix.length)) }, options),
  );
  for await (const receipt of read) if (receipt !== undefined) found.push(receipt);
  return found.sort((one, other) => one.segment - other.segment);
}
