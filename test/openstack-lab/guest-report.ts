/** What one boot of a guest wrote to its disk: a blob of 4 MiB, and a mark that names the boot, the server and the blob's hash. */
export interface GuestMark {
  boot: number;
  serverId: string;
  sha256: string;
}

/** What a guest says on its console about its last boot (scripts/guest-init). */
export interface GuestReport {
  /** Marks of earlier boots on this disk, and whether each one's blob still has its hash. */
  found: (GuestMark & { whole: boolean })[];
  wrote: GuestMark;
}

const mark = String.raw`boot=(\d+) uuid=([0-9a-f-]{36}) sha256=([0-9a-f]{64})`;
const foundLine = new RegExp(`LAB-GUEST found: LABMARK ${mark} end BLOB-(OK|BAD)`, 'g');
const wroteLine = new RegExp(`LAB-GUEST wrote: ${mark}`, 'g');

/**
 * Undefined until the guest has said that it is ready. A console begins anew with each start of its server; but Nova, when it is asked
 * while the guest talks, can append a part of it a second time.
 */
export function parseGuestReport(console: string): GuestReport | undefined {
  const [wrote] = Array.from(console.matchAll(wroteLine), toMark);
  if (wrote === undefined || !console.includes('LAB-GUEST ready')) return undefined;
  const found = new Map(
    Array.from(console.matchAll(foundLine), (line) => {
      const earlier = toMark(line);
      return [earlier.boot, { ...earlier, whole: line[4] === 'OK' }] as const;
    }),
  );
  return { found: [...found.values()].sort((a, b) => a.boot - b.boot), wrote };
}

function toMark([, boot, serverId, sha256]: RegExpExecArray): GuestMark {
  return { boot: Number(boot), serverId: serverId ?? '', sha256: sha256 ?? '' };
}
