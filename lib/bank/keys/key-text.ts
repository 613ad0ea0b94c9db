import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { InvalidInput } from '../../errors.ts';
import { KEY_BYTES, privateKeyOf, rawPrivateKey, rawPublicKey } from './x25519.ts';

const SECRET = 'SNAPBANK-SECRET-KEY-1';
const PUBLIC = 'SNAPBANK-PUBLIC-KEY-1';
const CHECKSUM_BYTES = 4;
/** 36 bytes in base64url. */
const TEXT_CHARACTERS = 48;

/** The private half of an access key. Prints as its public half, so that it cannot slip into a log. */
export class SecretKey {
  readonly #key: KeyObject;
  /** Raw X25519 public key. */
  readonly publicKey: Buffer;

  constructor(key: KeyObject) {
    this.#key = key;
    this.publicKey = rawPublicKey(key);
  }

  get privateKey(): KeyObject {
    return this.#key;
  }

  get publicText(): string {
    return formatPublicKey(this.publicKey);
  }

  toJSON(): string {
    return this.publicText;
  }
}

export function newSecretKey(): SecretKey {
  return new SecretKey(generateKeyPairSync('x25519').privateKey);
}

export function formatSecretKey(key: SecretKey): string {
  return SECRET + checked(SECRET, rawPrivateKey(key.privateKey));
}

export function formatPublicKey(raw: Uint8Array): string {
  return PUBLIC + checked(PUBLIC, raw);
}

/** Reads a line that `formatPublicKey` wrote. Throws `InvalidInput`. */
export function parsePublicKey(text: string): Buffer {
  return unchecked(PUBLIC, text.trim(), 'public key');
}

/** Reads the text of a key file: comments and one secret key. Throws `InvalidInput`, which never shows the text. */
export function parseSecretKey(text: string): SecretKey {
  const lines = text.split('\n').map((line) => line.trim());
  const keys = lines.filter((line) => line !== '' && !line.startsWith('#'));
  const [line] = keys;
  if (line === undefined || keys.length > 1) {
    throw new InvalidInput(`A key file holds one line ${SECRET}…; this one holds ${keys.length}.`);
  }
  return new SecretKey(privateKeyOf(unchecked(SECRET, line, 'secret key')));
}

function checked(prefix: string, raw: Uint8Array): string {
  return Buffer.concat([raw, checksum(prefix, raw)]).toString('base64url');
}

function unchecked(prefix: string, text: string, what: string): Buffer {
  const bytes = Buffer.from(text.slice(prefix.length), 'base64url');
  const raw = bytes.subarray(0, KEY_BYTES);
  const whole =
    text.startsWith(prefix) &&
    // Node skips what is no base64url, so the decoded bytes alone prove nothing.
    text.length === prefix.length + TEXT_CHARACTERS &&
    bytes.length === KEY_BYTES + CHECKSUM_BYTES &&
    bytes.subarray(KEY_BYTES).equals(checksum(prefix, raw));
  if (!whole) {
    throw new InvalidInput(
      `This is no ${what}: it starts with ${prefix} and is ${prefix.length + TEXT_CHARACTERS} characters long.`,
    );
  }
  return raw;
}

// Catches typing and copying errors, nothing else.
function checksum(prefix: string, raw: Uint8Array): Buffer {
  return createHash('sha256').update(prefix).update(raw).digest().subarray(0, CHECKSUM_BYTES);
}
