import { InvalidInput } from '../../../lib/errors.ts';

/** IPv4 only. */
export function holds(cidr: string, address: string): boolean {
  const { first, last } = rangeOf(cidr);
  const number = numberOf(address);
  return number !== undefined && number > first && number < last;
}

/** The lowest address that is not taken, after the network's and the gateway's. */
export function freeAddress(cidr: string, taken: ReadonlySet<string>): string {
  const { first, last } = rangeOf(cidr);
  for (let number = first + 2; number < last; number += 1) {
    const address = addressOf(number);
    if (!taken.has(address)) return address;
  }
  throw new InvalidInput(`no more IP addresses available in ${cidr}`);
}

/** The address that a subnet's gateway has. */
export function gatewayOf(cidr: string): string {
  return addressOf(rangeOf(cidr).first + 1);
}

export function poolOf(cidr: string): { start: string; end: string } {
  const { first, last } = rangeOf(cidr);
  return { start: addressOf(first + 2), end: addressOf(last - 1) };
}

function rangeOf(cidr: string): { first: number; last: number } {
  const [address = '', bits = ''] = cidr.split('/');
  const number = numberOf(address);
  const size = 2 ** (32 - Number(bits));
  if (number === undefined || !/^([89]|[12]\d|30)$/.test(bits)) {
    throw new InvalidInput(`${cidr} is no IPv4 subnet between /8 and /30`);
  }
  const first = number - (number % size);
  return { first, last: first + size - 1 };
}

function numberOf(address: string): number | undefined {
  const parts = address.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

const addressOf = (number: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
