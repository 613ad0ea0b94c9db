import { UnexpectedAnswer } from './errors.ts';

/**
 * An object of a service's answer, read key by key. Services leave out keys by version, policy and state: a key that is missing, null
 * or of another type reads as null or empty, except those read by `required` and `child`.
 */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #what: string;

  constructor(value: unknown, what: string) {
    if (!isRecord(value)) throw new UnexpectedAnswer(`${what} is not a JSON object.`);
    this.#values = value;
    this.#what = what;
  }

  has(key: string): boolean {
    return this.#values[key] !== undefined;
  }

  keys(): readonly string[] {
    return Object.keys(this.#values);
  }

  required(key: string): string {
    const value = this.text(key);
    if (value === null) throw new UnexpectedAnswer(`${this.#what} has no ${key}.`);
    return value;
  }

  text(key: string): string | null {
    const value = this.#values[key];
    return typeof value === 'string' ? value : null;
  }

  /** Also from a text of digits. */
  number(key: string): number | null {
    const value = this.#values[key];
    if (typeof value === 'number') return value;
    return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : null;
  }

  /** Also from `True` and `true`. */
  flag(key: string): boolean | null {
    const value = this.#values[key];
    if (typeof value === 'boolean') return value;
    return typeof value === 'string' ? value.toLowerCase() === 'true' : null;
  }

  /** A time with its zone; OpenStack means UTC where it names none. */
  time(key: string): string | null {
    const value = this.text(key);
    if (value === null || value === '') return null;
    return /(Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`;
  }

  texts(key: string): string[] {
    const value = this.#values[key];
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  }

  textsByKey(key: string): Record<string, string> {
    const value = this.#values[key];
    if (!isRecord(value)) return {};
    return Object.fromEntries(
      Object.entries(value).filter((entry): entry is [string, string] => {
        return typeof entry[1] === 'string';
      }),
    );
  }

  child(key: string): Fields {
    const child = this.optionalChild(key);
    if (child === null) throw new UnexpectedAnswer(`${this.#what} has no ${key}.`);
    return child;
  }

  optionalChild(key: string): Fields | null {
    const value = this.#values[key];
    return isRecord(value) ? new Fields(value, `${key} of ${this.#what}`) : null;
  }

  children(key: string): Fields[] {
    const value = this.#values[key];
    if (!Array.isArray(value)) return [];
    return value.filter(isRecord).map((item) => new Fields(item, `${key} of ${this.#what}`));
  }

  /** Like `children`, for a list that the answer is about. */
  requiredChildren(key: string): Fields[] {
    if (!Array.isArray(this.#values[key])) {
      throw new UnexpectedAnswer(`${this.#what} has no list of ${key}.`);
    }
    return this.children(key);
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
