import { createHash } from 'node:crypto';
import jsonata from 'jsonata';
import type { Clock } from '../../lib/clock.ts';
import type { Json } from './json.ts';

/** Where chance comes from, so that tests can decide it. */
export interface Chance {
  /** A number from 0 to below 1. */
  random(): number;
  uuid(): string;
}

/** AWS refuses one element more (measured by others on the service). */
const RANGE_LIMIT = 360_145;
const HASHES: Readonly<Record<string, string>> = {
  MD5: 'md5',
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
};

/**
 * Makes an expression's functions those of Step Functions: its own six are added, `$eval` is taken away, and time is the clock's.
 * Arguments that make no sense give undefined, and a range of one element gives that element, as on AWS.
 */
export function useStepFunctions(
  expression: jsonata.Expression,
  clock: Clock,
  chance: Chance,
): void {
  expression.assign('eval', undefined);
  expression.registerFunction('partition', partition, '<an?:a>');
  expression.registerFunction('range', range, '<nnn?:x>');
  expression.registerFunction('hash', hash, '<ss?:s>');
  expression.registerFunction(
    'parse',
    (text?: string) => text && (JSON.parse(text) as Json),
    '<s:x>',
  );
  expression.registerFunction('uuid', () => chance.uuid(), '<:s>');
  expression.registerFunction(
    'random',
    (seed?: number) => (seed === undefined ? chance.random() : seededRandom(seed)),
    '<n?:n>',
  );
  expression.registerFunction('millis', () => clock.now(), '<:n>');
  expression.registerFunction(
    'now',
    (picture?: string, timezone?: string) =>
      jsonata('$fromMillis($milliseconds, $picture, $timezone)').evaluate(
        {},
        { milliseconds: clock.now(), picture, timezone },
      ) as Promise<string>,
    '<s?s?:s>',
  );
}

function partition(items?: Json[], sizeArgument?: number): Json[][] | undefined {
  const size = Math.trunc(sizeArgument ?? 0);
  if (items === undefined || items.length === 0 || size < 1) return undefined;
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

function range(first?: number, last?: number, step?: number): number[] | number | undefined {
  if (first === undefined || last === undefined || step === undefined) return undefined;
  const [from, to, by] = [Math.trunc(first), Math.trunc(last), Math.trunc(step)];
  const length = Math.floor((to - from) / by) + 1;
  if (!(length >= 1)) return undefined;
  if (length > RANGE_LIMIT) throw new Error('Expression evaluation memory limit exceeded');
  const values = Array.from({ length }, (_, index) => from + index * by);
  return length === 1 ? values[0] : values;
}

function hash(text?: string, algorithm?: string): string | undefined {
  if (text === undefined || algorithm === undefined) return undefined;
  const name = HASHES[algorithm];
  if (name === undefined) throw new Error(`${algorithm} is not a hash algorithm of $hash`);
  return createHash(name).update(text).digest('hex');
}

/** Reproducible, as AWS promises; the numbers themselves are not those of AWS, which names no algorithm. */
function seededRandom(seed: number): number {
  return createHash('sha256').update(String(seed)).digest().readUIntBE(0, 6) / 2 ** 48;
}
