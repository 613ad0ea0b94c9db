import type { DiskPiece } from '../disk.ts';
import type { ByteStream } from './byte-stream.ts';

/** Pieces of a file whose bytes are the address space. */
export async function* plainPieces(
  stream: ByteStream,
  pieceBytes: number,
): AsyncGenerator<DiskPiece, void, undefined> {
  try {
    for (let offset = 0; offset < stream.sizeBytes; offset += pieceBytes) {
      const bytes = await stream.take(pieceBytes);
      yield { offset, length: bytes.length, bytes };
    }
    await stream.drain();
  } finally {
    await stream.close();
  }
}
