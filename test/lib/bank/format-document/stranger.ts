/**
 * A reader of banks written from docs/bank-format.md alone: it shares no code with lib/, so that a change of the format, or a sentence
 * missing from the document, is noticed. It trusts its input; it is no example of a careful reader.
 */
import {
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  scryptSync,
} from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';

export type Objects = ReadonlyMap<string, Uint8Array>;
export type Holder = { privateKey: Buffer } | { passphrase: string };

interface Epoch {
  epoch: number;
  metadataKey: string;
  privateKey?: string;
}

interface Keys {
  bankId: Buffer;
  idKey: Buffer;
  /** Empty in an unsealed bank. */
  epochs: Epoch[];
  sealed: boolean;
  chunkSizeBytes: number;
  chunksPerSegment: number;
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`The bank is damaged: ${what}`);
}

const hmac = (key: Uint8Array, ...parts: (Uint8Array | string)[]) => {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return mac.digest();
};
const derive = (key: Uint8Array, info: string) =>
  Buffer.from(hkdfSync('sha256', key, '', info, 32));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const base64url = (text: string) => Buffer.from(text, 'base64url');

function gcm(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

const privateKeyObject = (raw: Uint8Array) =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b656e04220420', 'hex'), raw]),
    format: 'der',
    type: 'pkcs8',
  });

const publicKeyObject = (raw: Uint8Array) =>
  createPublicKey({
    key: Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), raw]),
    format: 'der',
    type: 'spki',
  });

export function publicKeyOf(privateKey: Uint8Array): Buffer {
  const key = createPublicKey(privateKeyObject(privateKey));
  return key.export({ format: 'der', type: 'spki' }).subarray(-32);
}

function openSealedTo(privateKey: Uint8Array, context: Uint8Array, sealed: Uint8Array) {
  const ephemeral = sealed.subarray(0, 32);
  const shared = diffieHellman({
    privateKey: privateKeyObject(privateKey),
    publicKey: publicKeyObject(ephemeral),
  });
  const salt = Buffer.concat([ephemeral, publicKeyOf(privateKey)]);
  const key = Buffer.from(hkdfSync('sha256', shared, salt, context, 32));
  return gcm(key, Buffer.alloc(12), context, sealed.subarray(32));
}

export function keyOfText(text: string): Buffer {
  const prefix = text.slice(0, 21);
  const bytes = base64url(text.slice(21));
  const checksum = createHash('sha256').update(prefix).update(bytes.subarray(0, 32)).digest();
  check(bytes.subarray(32).equals(checksum.subarray(0, 4)), 'key text');
  return bytes.subarray(0, 32);
}

export function keyOfPassphrase(
  passphrase: string,
  { N, r, p, salt }: { N: number; r: number; p: number; salt: string },
): Buffer {
  const options = { N, r, p, maxmem: 256 * N * r };
  return scryptSync(passphrase.normalize('NFKC'), base64url(salt), 32, options);
}

function object(objects: Objects, key: string): Buffer {
  const bytes = objects.get(key);
  if (bytes === undefined) throw new Error(`The bank is damaged: ${key} is missing`);
  return Buffer.from(bytes);
}

/** Sections "bank.json" and "Keys". */
export function openBank(objects: Objects, holder?: Holder): Keys {
  const file = JSON.parse(object(objects, 'bank.json').toString());
  const bankId = Buffer.from(file.bankId, 'hex');
  const common = {
    bankId,
    sealed: file.sealed,
    chunkSizeBytes: file.chunkSizeBytes,
    chunksPerSegment: file.chunksPerSegment,
  };
  const keys: Keys =
    file.sealed === true && holder !== undefined
      ? { ...common, ...openRing(objects, file.bankId, holder) }
      : { ...common, idKey: base64url(file.idKey), epochs: [] };
  const fields = [
    file.bankId,
    file.version,
    file.sealed ? 'sealed' : 'unsealed',
    file.chunkSizeBytes,
    file.chunksPerSegment,
    file.features.join(','),
    file.writerFeatures.join(','),
    file.createdAt,
    file.lock === undefined ? '' : `${file.lock.mode} ${file.lock.days}`,
  ];
  const idKeyCheck = hmac(derive(keys.idKey, 'snapbank id key check'), fields.join('\0'));
  check(idKeyCheck.toString('hex') === file.idKeyCheck, 'idKeyCheck');
  return keys;
}

function openRing(objects: Objects, bankId: string, holder: Holder) {
  const newest = [...objects.keys()]
    .filter((key) => key.startsWith(`keys/${bankId}/`))
    .sort()
    .at(-1);
  const [line = '', mac] = object(objects, newest ?? 'keys')
    .toString()
    .split('\n');
  const ring = JSON.parse(line);
  for (const slot of ring.slots) {
    const { kind, publicKey, scrypt } = slot.holder;
    if ((kind === 'key') !== 'privateKey' in holder) continue;
    const key =
      'privateKey' in holder ? holder.privateKey : keyOfPassphrase(holder.passphrase, scrypt);
    if (!publicKeyOf(key).equals(base64url(publicKey))) continue;
    const context = Buffer.concat([
      Buffer.from('snapbank bundle\0'),
      Buffer.from(bankId, 'hex'),
      Buffer.from(`${slot.id}\0${slot.role}`),
    ]);
    const bundle = JSON.parse(openSealedTo(key, context, base64url(slot.bundle)).toString());
    const idKey = base64url(bundle.idKey);
    check(hmac(derive(idKey, 'snapbank key ring'), line).toString('hex') === mac, 'ring');
    return { idKey, epochs: bundle.epochs as Epoch[] };
  }
  throw new Error('No access slot fits the key.');
}

/** Section "Envelopes". */
function unwrap(keys: Keys, magic: string, key: string, stored: Buffer): Buffer {
  check(stored.toString('latin1', 0, 4) === magic && stored[4] === 1, `${key} is no ${magic}`);
  const header = stored.subarray(0, 28);
  let body = stored.subarray(28);
  if (header[5] === 1) {
    const epoch = keys.epochs.find((one) => one.epoch === header.readUInt32BE(8));
    const aad = Buffer.concat([header, keys.bankId, Buffer.from(key)]);
    body = gcm(base64url(epoch?.metadataKey ?? ''), header.subarray(16), aad, body);
  }
  const plain = zstdDecompressSync(body);
  check(plain.length === header.readUInt32BE(12), `length of ${key}`);
  return plain;
}

/** Sections "Roots", "Segments", "Packs", "Reading a disk": the bytes of a checkpoint's disk, everything checked. */
export function readDisk(
  keys: Keys,
  objects: Objects,
  root: { key: string; digest: string },
  disk = 0,
): Buffer {
  const storedRoot = object(objects, root.key);
  check(sha256(storedRoot) === root.digest, 'digest of the root');
  const parsed = JSON.parse(unwrap(keys, 'SBrt', root.key, storedRoot).toString());
  const entry = parsed.disks.find((one: { disk: number }) => one.disk === disk);
  const image = Buffer.alloc(entry.guestSizeBytes);
  const leaves: Buffer[] = [];
  for (const [segment, { object: ref, hash, chunkCount }] of entry.segments.entries()) {
    const ids = Buffer.alloc(32 * chunkCount);
    if (ref !== null) {
      const stored = object(objects, ref.key);
      check(sha256(stored) === ref.digest, `digest of ${ref.key}`);
      const table = unwrap(keys, 'SBsg', ref.key, stored);
      readSegment(keys, objects, table, segment * keys.chunksPerSegment, image, ids);
    }
    const leaf = createHash('sha256').update(Buffer.of(0)).update(ids).digest();
    check(leaf.toString('hex') === hash, `hash of segment ${segment}`);
    leaves.push(leaf);
  }
  const sizes = Buffer.alloc(12);
  sizes.writeBigUInt64BE(BigInt(entry.guestSizeBytes));
  sizes.writeUInt32BE(keys.chunkSizeBytes, 8);
  check(sha256(Buffer.concat([Buffer.of(1), sizes, ...leaves])) === entry.merkleRoot, 'merkleRoot');
  return image;
}

function readSegment(
  keys: Keys,
  objects: Objects,
  table: Buffer,
  firstChunk: number,
  image: Buffer,
  ids: Buffer,
): void {
  const packs: string[] = [];
  let at = 16;
  for (let n = 0; n < table.readUInt32BE(12); n++) {
    const length = table.readUInt16BE(at);
    packs.push(table.toString('latin1', at + 2, at + 2 + length));
    at += 2 + length;
  }
  for (let index = 0; index < table.readUInt32BE(8); index++, at += 48) {
    const pack = packs[table.readUInt32BE(at + 32)];
    if (pack === undefined) continue;
    const id = table.subarray(at, at + 32);
    const [offset, length] = [table.readUInt32BE(at + 36), table.readUInt32BE(at + 40)];
    const [slot, encoding] = [table.readUInt16BE(at + 44), table.readUInt8(at + 46)];
    const start = (firstChunk + index) * keys.chunkSizeBytes;
    const plainLength = Math.min(keys.chunkSizeBytes, image.length - start);
    const whole = object(objects, pack);
    let bytes = whole.subarray(offset, offset + length);
    if (keys.sealed) {
      const nonce = Buffer.alloc(12);
      nonce.writeUInt32BE(slot, 8);
      const form = Buffer.alloc(5);
      form.writeUInt32BE(plainLength);
      form.writeUInt8(encoding, 4);
      const number = Buffer.alloc(4);
      number.writeUInt32BE(slot);
      const aad = [keys.bankId, number, id, form, Buffer.from(pack)];
      bytes = gcm(packKeyOf(keys, pack, whole), nonce, Buffer.concat(aad), bytes);
    }
    const plain = encoding === 1 ? zstdDecompressSync(bytes) : bytes;
    check(plain.length === plainLength, `length of chunk ${index}`);
    check(hmac(keys.idKey, plain).equals(id), `id of chunk ${index}`);
    plain.copy(image, start);
    id.copy(ids, 32 * index);
  }
}

function packKeyOf(keys: Keys, pack: string, whole: Buffer): Buffer {
  check(whole.toString('latin1', 0, 4) === 'SBpk', `${pack} is no pack`);
  const epoch = keys.epochs.find((one) => one.epoch === whole.readUInt32BE(8));
  const context = Buffer.concat([
    Buffer.from('snapbank pack key\0'),
    keys.bankId,
    Buffer.from(pack),
  ]);
  return openSealedTo(base64url(epoch?.privateKey ?? ''), context, whole.subarray(12, 92));
}

/** Section "Records": the checkpoints that there are, with their roots, out of the register's objects. */
export function readRecords(
  keys: Keys,
  register: Objects,
): { checkpoint: string; root: { key: string; digest: string } }[] {
  const newest = new Map<string, string>();
  for (const key of [...register.keys()].sort()) {
    const [, series] = /^(records\/[0-9a-f]{8}\/[0-9a-f]{24})\/\d{10}$/.exec(key) ?? [];
    if (series !== undefined) newest.set(series, key);
  }
  return [...newest.values()].flatMap((key) => {
    if (key.endsWith('/9999999999')) return [];
    const [line = '', mac] = object(register, key).toString().split('\n');
    const nameKey = derive(keys.idKey, 'snapbank names');
    check(hmac(nameKey, `generation\0${key}\0${line}`).toString('hex') === mac, `MAC of ${key}`);
    const { state, checkpoint, root } = JSON.parse(line);
    return state === 'COMMITTED' || state === 'DELETING' ? [{ checkpoint, root }] : [];
  });
}
