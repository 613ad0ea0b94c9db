/** A microversion of Nova's API, `2.93`; compared by its minor number, the major one has been 2 since there are any. */
export type Microversion = number;

/** What this client is written for and tested with; newer clouds speak it too. */
const WANTED: Microversion = 93;

/** From which microversion on Nova does what is said here; below, this client goes without or another way. */
export const since = {
  /** A server's description. */
  description: 19,
  /** Server tags: shown, and as a filter. */
  tags: 26,
  /** `networks: none` and `auto`. */
  networksByWord: 37,
  /** Tags of devices. */
  deviceTags: 42,
  /** Tags given at a server's creation. */
  tagsAtCreation: 52,
  /** Only the newest of a server's actions. */
  limitedActions: 58,
  /** A host name given at a server's creation, and shown to its owner. */
  hostname: 90,
} as const satisfies Record<string, Microversion>;

/**
 * The one to use with a service that offers `minimum` to `maximum`: the wanted one, or the highest below. Undefined (the plain 2.1 of a
 * cloud without microversions) when the service tells none.
 */
export function negotiate(
  minimum: string | null,
  maximum: string | null,
): Microversion | undefined {
  const lowest = minorOf(minimum);
  const highest = minorOf(maximum);
  if (lowest === undefined || highest === undefined) return undefined;
  return Math.max(lowest, Math.min(highest, WANTED));
}

export function headersFor(version: Microversion | undefined): Record<string, string> {
  if (version === undefined) return {};
  const text = `2.${String(version)}`;
  // The second name is what Nova listened to before 2.27.
  return { 'OpenStack-API-Version': `compute ${text}`, 'X-OpenStack-Nova-API-Version': text };
}

function minorOf(version: string | null): number | undefined {
  const minor = /^2\.(\d+)$/.exec(version ?? '')?.[1];
  return minor === undefined ? undefined : Number(minor);
}
