import { InvalidInput } from '../errors.ts';
import type { BankPlaces } from './places.ts';
import { openStore, type StoreOptions } from './store/location.ts';

/** Where the three places of a bank lie: `s3://bucket/prefix`, or a directory. */
export interface BankLocations {
  bank: string;
  /** Default: `register` below the bank. */
  register?: string | undefined;
  /** Default: `work` below the bank. */
  work?: string | undefined;
}

/** From SNAPBANK_BANK, SNAPBANK_REGISTER and SNAPBANK_WORK. Throws `InvalidInput` when no bank is named. */
export function bankLocations(env: Readonly<Record<string, string | undefined>>): BankLocations {
  const bank = env['SNAPBANK_BANK'];
  if (bank === undefined || bank === '') {
    throw new InvalidInput(
      'No bank is named. Give --bank or set SNAPBANK_BANK to s3://BUCKET/PREFIX or to a directory.',
    );
  }
  return {
    bank,
    register: nonEmpty(env['SNAPBANK_REGISTER']),
    work: nonEmpty(env['SNAPBANK_WORK']),
  };
}

export function openPlaces(locations: BankLocations, options: StoreOptions): BankPlaces {
  const below = (name: string) => `${locations.bank.replace(/\/+$/, '')}/${name}`;
  return {
    bank: openStore(locations.bank, options),
    register: openStore(locations.register ?? below('register'), options),
    work: openStore(locations.work ?? below('work'), options),
  };
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
