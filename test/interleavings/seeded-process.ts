import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import zlib from 'node:zlib';

type Compress = (
  bytes: zlib.InputType,
  options: zlib.ZstdOptions,
  callback: zlib.CompressCallback,
) => void;

type Bytes = ReturnType<typeof zlib.zstdCompressSync>;

/*
 * What a run of this process depends on beside its seed is taken away, so that the same seed gives the same run: names are drawn from the
 * seed, and what is compressed on a thread is compressed at once. To be imported before anything of lib/.
 */
let draw: ((size: number) => Buffer) | undefined;
const { randomBytes } = crypto;

Object.assign(crypto, {
  randomBytes: (size: number, callback?: (error: Error | null, bytes: Buffer) => void) => {
    if (callback !== undefined) {
      randomBytes(size, callback);
      return undefined;
    }
    return draw === undefined ? randomBytes(size) : draw(size);
  },
});
Object.assign(zlib, {
  zstdCompress: atOnce((bytes, options) => zlib.zstdCompressSync(bytes, options)),
  zstdDecompress: atOnce((bytes, options) => zlib.zstdDecompressSync(bytes, options)),
});
syncBuiltinESMExports();

/** From now on random bytes come from there. */
export function drawRandomBytesFrom(source: (size: number) => Buffer): void {
  draw = source;
}

function atOnce(act: (bytes: zlib.InputType, options: zlib.ZstdOptions) => Bytes): Compress {
  return (bytes, options, callback) => {
    let done: Bytes;
    try {
      done = act(bytes, options);
    } catch (error) {
      callback(error as Error, Buffer.alloc(0));
      return;
    }
    callback(null, done);
  };
}
